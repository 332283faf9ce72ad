import type { ClusterClock } from './clock.js';
import type { Environment } from './environment.js';
import { TandemError } from './errors.js';
import { type CommandBody, type Endpoint, type Ephemeral, type Received } from './protocol/index.js';
import type { Connect, TransportKind } from './transport.js';
/** How the session stands. */
export interface ConnectionInfo {
    readonly state: 'connecting' | 'connected' | 'reconnecting' | 'closed';
    /** The transport in use, or last used. */
    readonly transport?: TransportKind;
    readonly url?: string;
    /** The transport, and why it is this one, for people: such as `WebSocket: UDP did not get through`. */
    readonly why?: string;
    /** How the last connection ended: a code of the protocol and a word for it. */
    readonly closeCode?: number;
    readonly reason?: string;
    /** Why a closed session was not let in again. */
    readonly error?: TandemError;
}
export interface SessionOptions {
    readonly room: string;
    readonly name: string;
    readonly pin?: string | undefined;
    /** A seat to come back to. */
    readonly seat?: string | undefined;
    readonly endpoints: readonly Endpoint[];
    /** How long to keep trying to get in at first, in milliseconds. */
    readonly joinTimeoutMs: number;
    readonly connect: Connect;
    readonly environment: Environment;
    readonly clock: ClusterClock;
}
/** What a session tells its room. */
export interface SessionEvents {
    /** A message for the room's state: admitted in order, nothing twice. Welcome comes with each connection. */
    message(message: Received): void;
    connection(info: ConnectionInfo): void;
    /** Something was refused or unreadable that no caller waits for. */
    error(error: TandemError): void;
}
/**
 * A seat in a room, kept through changing connections: it resumes where it was, submits unanswered commands again, and
 * hands on what the gateway says in order, without holes or repetitions.
 */
export declare class Session {
    #private;
    constructor(options: SessionOptions, events: SessionEvents);
    get info(): ConnectionInfo;
    /** The seat token: keep it secret, and this member can come back by it. */
    get seat(): string | undefined;
    /** Connects. Resolves when the room let us in; rejects when it does not, or not in time. */
    join(): Promise<void>;
    /** Submits a command. Resolves with the number of its last event when it is done and the room's state shows it. */
    submit(body: CommandBody): Promise<number>;
    /** Sends something that is not kept. False when there is no connection: then it is dropped. */
    send(message: Ephemeral): boolean;
    /** Tells how the room does, for the pace of the probes. */
    setPlaying(playing: boolean): void;
    /** Ends the session here; the seat expires by itself unless it was left. */
    close(): void;
}
