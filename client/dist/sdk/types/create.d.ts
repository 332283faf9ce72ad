import { type Environment } from './environment.js';
import type { Media } from './protocol/index.js';
import { Room, type TransportInfo } from './room.js';
import type { Connect, TransportKind } from './transport.js';
/** What creating and joining share. */
export interface ServerOptions {
    /** The gateway's address, such as `https://tandem.example`; without it, where the page came from. */
    readonly server?: string;
    /** How long to keep trying to get in, in milliseconds; 15 s without it. Once in, reconnecting never gives up. */
    readonly joinTimeoutMs?: number;
    /** Which transports to use; without it all that there are, WebTransport first. To force one, for tests. */
    readonly transports?: readonly TransportKind[];
    /** Is told which transport carries the messages, and why, from the first one on: see {@link RoomEvents.transport}. */
    readonly onTransport?: (info: TransportInfo) => void;
    /** How to reach a gateway; without it, by the best transport there is. */
    readonly connect?: Connect;
    /** The surroundings; without it, the platform's. */
    readonly environment?: Partial<Environment>;
}
export interface JoinOptions extends ServerOptions {
    /** The room's id or code. */
    readonly room: string;
    /** The display name: 1 to 50 characters. */
    readonly name: string;
    /** Opens a room that has one. */
    readonly pin?: string;
    /** A seat token to come back by; when the seat has expired, this enters as a new member. */
    readonly seat?: string;
}
export interface CreateOptions extends ServerOptions {
    /** The display name: 1 to 50 characters. */
    readonly name: string;
    /** Asked of everybody else: at most 32 characters. */
    readonly pin?: string;
    /** What the room is called: at most 100 characters. */
    readonly title?: string;
    readonly media?: Media;
}
/** What anybody may know of a room. */
export interface RoomInfo {
    readonly id: string;
    /** What the room is called; absent where a PIN is asked. */
    readonly title?: string;
    /** Whether a PIN is asked. */
    readonly pin: boolean;
    readonly locked: boolean;
    readonly members: number;
}
/**
 * Enters a room. Resolves when the room's state is there; rejects with a {@link TandemError} such as
 * `room_not_found`, `pin_required`, `pin_invalid`, `room_locked`, `banned` or `timeout`.
 */
export declare function joinRoom(options: JoinOptions): Promise<Room>;
/** Creates a room and enters it as its host. Rejects like {@link joinRoom}. */
export declare function createRoom(options: CreateOptions): Promise<Room>;
/** Looks up a room without entering it. Rejects with `room_not_found` when there is none. */
export declare function lookUpRoom(id: string, options?: ServerOptions): Promise<RoomInfo>;
