import type { Received } from './protocol/index.js';
import { type RoomState } from './state.js';
/**
 * This member's copy of the room, from messages of several channels that overtake each other: the log, which is in
 * order, a timeline that may be ahead of it, and the further members of a large room, which may be behind it.
 */
export declare class Replica {
    #private;
    /** What users see: the log's room, with the newest timeline. */
    get state(): RoomState;
    /** Takes in a message, and returns the state after it: the same object if the message tells nothing. */
    receive(message: Received): RoomState;
}
