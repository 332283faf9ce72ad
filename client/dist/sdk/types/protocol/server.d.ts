import type { ErrorCode } from './codes.js';
import type { RoomEvent } from './events.js';
import type { ChatLine, Member, Presence, RoomSnapshot, Timeline } from './room.js';
/** An address of a gateway. */
export interface Endpoint {
    readonly transport: 'websocket' | 'webtransport';
    readonly url: string;
    /** SHA-256 of the certificates to trust beside those of the browser's authorities, in base64. WebTransport only. */
    readonly certificateHashes?: readonly string[];
}
/** Answers hello: the member is in the room. */
export interface Welcome {
    readonly type: 'welcome';
    readonly member: string;
    /** The seat token: who holds it is this member. */
    readonly seat: string;
    /** Where the log stands. */
    readonly epoch: number;
    readonly number: number;
    /** The greatest command id that this seat has used. */
    readonly lastCommand?: number;
    /** A snapshot at `number`. Absent after a resume: then the events after the resumed number follow. */
    readonly room?: RoomSnapshot;
    readonly presence?: readonly Presence[];
    /** The cluster's clock when welcome was made, in microseconds. */
    readonly clock: {
        readonly time: number;
    };
    readonly endpoints?: readonly Endpoint[];
    /** How often to probe the clock. */
    readonly probeMs: ProbeIntervals;
    /** For the members' WebRTC connections to each other. */
    readonly iceServers?: readonly IceServer[];
}
/** A STUN or TURN server, in the shape of WebRTC's `RTCIceServer`. */
export interface IceServer {
    readonly urls: string[];
    readonly username?: string;
    readonly credential?: string;
}
/** Milliseconds between clock probes. */
export interface ProbeIntervals {
    readonly playing: number;
    readonly idle: number;
}
/** Further members of a large room after welcome. */
export interface Members {
    readonly type: 'members';
    readonly members: readonly Member[];
}
/** Events of the log, in order, without holes. The range may be wider than the list. */
export interface Events {
    readonly type: 'events';
    readonly epoch: number;
    readonly first: number;
    readonly last: number;
    readonly events: readonly RoomEvent[];
}
/** Replaces everything that the receiver knows of the room. */
export interface Snapshot {
    readonly type: 'snapshot';
    readonly epoch: number;
    readonly number: number;
    readonly room: RoomSnapshot;
    readonly presence?: readonly Presence[];
}
/** Answers a command: it is done. `number` is that of its last event. */
export interface Ack {
    readonly type: 'ack';
    readonly id: number;
    readonly number: number;
}
/** Answers something that was refused; it changed nothing. */
export interface Refusal {
    readonly type: 'error';
    readonly id?: number;
    readonly code: ErrorCode;
    readonly message: string;
    readonly retryAfterMs?: number;
}
/** The gateway is about to close, and why. The client closes. */
export interface Bye {
    readonly type: 'bye';
    readonly code: number;
    readonly reason: string;
    readonly afterMs: number;
    readonly endpoints?: readonly Endpoint[];
}
/** Answers a probe: `t1` is the probe's, `t2` and `t3` are cluster microseconds at receipt and at sending. */
export interface ClockReading {
    readonly type: 'clock';
    readonly t1: number;
    readonly t2: number;
    readonly t3: number;
}
/** Changes of presence. */
export interface PresenceChange {
    readonly type: 'presence';
    readonly members: readonly Presence[];
}
export interface Reaction {
    readonly type: 'reaction';
    readonly member: string;
    readonly reaction: string;
}
export interface Typing {
    readonly type: 'typing';
    readonly member: string;
    readonly on: boolean;
}
/** WebRTC signalling from another member. */
export interface Signal {
    readonly type: 'signal';
    readonly from: string;
    readonly data: unknown;
}
/** Chat, oldest first. */
export interface History {
    readonly type: 'history';
    readonly lines: readonly ChatLine[];
    /** There are older lines. */
    readonly more: boolean;
}
/** Every message that a gateway sends. */
export type ServerMessage = Welcome | Members | Events | Snapshot | Ack | Refusal | Bye | ClockReading | PresenceChange | Reaction | Typing | Signal | History;
/** A timeline that came by datagram, perhaps before the event that tells it, perhaps after, perhaps instead. */
export interface NewTimeline {
    readonly type: 'timeline';
    readonly epoch: number;
    readonly timeline: Timeline;
}
/** Everything that can come from a gateway, whatever the channel. */
export type Received = ServerMessage | NewTimeline;
