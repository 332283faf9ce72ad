import type { Environment } from '../environment.js';
import type { Player } from './player.js';
import type { SyncedRoom, SyncOptions, SyncStats } from './types.js';
/**
 * Keeps a player where the room is. It decides anew whenever the room or the player tells something, and each decision
 * is carried out at once; the player's events lead to the next one. What it did itself it tells from what a user did
 * by what it wants: a pause while it wants to play, or a seek that it did not begin, is somebody else's.
 */
export declare class Synchroniser {
    #private;
    constructor(room: SyncedRoom, player: Player, environment: Environment, options?: SyncOptions);
    get stats(): SyncStats;
    /** Plays aloud again after the browser wanted a gesture: call it from a click. */
    unblock(): void;
    /** Lets go of the player, and leaves it as it is, at the room's rate. */
    stop(): void;
}
