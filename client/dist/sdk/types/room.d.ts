import { type ClusterTime } from './clock.js';
import { type History, type IceServer, type Media, type Role, type Status } from './protocol/index.js';
import type { AttachedPlayer, NextOptions, PlayOptions, RoomEvents } from './room-types.js';
import { type ConnectionInfo } from './session.js';
import type { RoomState } from './state.js';
export type { AttachedPlayer, NextOptions, PlayOptions, RoomEvents, TransportInfo } from './room-types.js';
/**
 * A room that this program is a member of: an observable state and the commands that change it.
 *
 * Every command resolves with the number of its event once it is done for all and `state` shows it, and rejects with
 * a {@link TandemError}. While the connection is away commands wait, and are done exactly once when it is back.
 */
export declare class Room {
    #private;
    /** The cluster's clock, by which timelines are stamped. */
    readonly clock: ClusterTime;
    /** What is known of the room: immutable, replaced at each change. */
    get state(): RoomState;
    /** How the connection stands. */
    get connection(): ConnectionInfo;
    /** The seat token. Keep it secret: `joinRoom` with it comes back to this seat within 30 s of a drop. */
    get seat(): string | undefined;
    /**
     * STUN and TURN servers of the gateway, for `new RTCPeerConnection({iceServers: [...room.iceServers]})`. Credentials
     * are this member's and last for a day; each connection to the gateway brings new ones.
     */
    get iceServers(): readonly IceServer[];
    /** Where the room is in its media now, in seconds. */
    position(): number;
    /** Calls back now and at every change of the state; returns how to stop that. */
    subscribe(listener: (state: RoomState) => void): () => void;
    /** Listens to one kind of event; returns how to stop that. */
    on<K extends keyof RoomEvents>(event: K, listener: (value: RoomEvents[K]) => void): () => void;
    /**
     * Starts the timeline for everybody, a short lead ahead so that all start together. Changes nothing while it plays.
     *
     * Unless told, it waits for the members to be ready when the media has not started yet, since nobody can have
     * buffered it for certain, or when the attached player has no data for the target.
     */
    play(options?: PlayOptions): Promise<number>;
    /** Stops the timeline for everybody: at `position`, or where the attached player is, which stops at once. */
    pause(position?: number): Promise<number>;
    /**
     * Moves the timeline to a position in seconds. `play` says whether to play from there; without it the room goes on
     * as it was. Waits for the members when the attached player has no data there, unless told.
     */
    seek(position: number, options?: {
        readonly play?: boolean;
        readonly wait?: boolean;
    }): Promise<number>;
    /** Changes the playback rate: 0.25 to 4. */
    setRate(rate: number): Promise<number>;
    /** Changes what the room watches; the timeline stops at 0. */
    setMedia(media: Media): Promise<number>;
    /** Adds to the queue of what comes next: last, or with `next` in front. Rejects with `queue_full` beyond 100 items. */
    enqueue(media: Media, options?: {
        readonly next?: boolean;
    }): Promise<number>;
    /** Takes an item, named by its id, out of the queue. Rejects with `not_found` when it is no longer there. */
    unqueue(item: number): Promise<number>;
    /** Puts an item of the queue in front of another, or at the end. Rejects with `not_found` when one is not there. */
    move(item: number, before?: number): Promise<number>;
    /**
     * Goes on to the next of the queue, or to a given item. However many members say so when the media is over, it
     * happens once; it changes nothing when the room watches something else by now, or nothing is queued.
     */
    next({ item, after, play, wait }?: NextOptions): Promise<number>;
    /** Tells the open gate of that number that this member can play. `synchronise` does it. */
    ready(gate: number): Promise<number>;
    /** Lets commands take a player into account; returns how to detach it. `synchronise` does it. */
    attachPlayer(player: AttachedPlayer): () => void;
    /** Adds a line to the chat: 1 to 500 characters. */
    say(text: string): Promise<number>;
    /** Changes the own name: 1 to 50 characters. */
    rename(name: string): Promise<number>;
    /** Changes the room's switches; absent ones stay, an empty PIN or title removes it. Host only. */
    changeSettings(change: {
        readonly guestControl?: boolean;
        readonly locked?: boolean;
        readonly pin?: string;
        readonly title?: string;
    }): Promise<number>;
    /** Makes another member host. Host only. */
    transferHost(member: string): Promise<number>;
    /** Makes a member guest or moderator. Host only. */
    setRole(member: string, role: Exclude<Role, 'host'>): Promise<number>;
    /** Removes a member; `ban` also keeps it out. Host and moderators. */
    remove(member: string, options?: {
        readonly ban?: boolean;
    }): Promise<number>;
    /** Lets a banned member come again. Host and moderators. */
    unban(member: string): Promise<number>;
    /** Gives up the seat and closes. Closes too when the gateway cannot be told; then the seat expires by itself. */
    leave(): Promise<void>;
    /** Closes without giving up the seat: `joinRoom` with the seat token comes back to it within 30 s. */
    close(): void;
    /** Shows a reaction to everybody: an emoji. False when there is no connection to send it by. */
    react(reaction: string): boolean;
    /** Says that this member begins or stops typing. */
    typing(on: boolean): boolean;
    /** Sends WebRTC signalling to one member: any JSON value of at most 32 KiB. */
    signal(to: string, data: unknown): boolean;
    /** Reports how the player does, at most twice a second. `synchronise` does it. */
    report(status: Status): boolean;
    /**
     * Fetches the lines of chat before those in `state.chat`, at most `limit` (1 to 100), adds them there, and returns
     * them. Calls while one is under way share its outcome.
     */
    history(limit?: number): Promise<History>;
}
