import type { ClusterTime } from '../clock.js';
import { type Environment } from '../environment.js';
import type { Latency } from './latency.js';
import type { Player } from './player.js';
/** What a browser does to a player that wants to play before the user has made a gesture. */
export type Blocked = false | 'silent' | 'stopped';
/** What a starter tells its synchroniser. */
export interface StarterEvents {
    /** `play()` is about to be called. */
    starting(): void;
    /** The browser did not let it play; with sound, if it is `silent` now. */
    blocked(how: 'silent' | 'stopped'): void;
}
/** Starts a player so that the media moves at a given instant, and learns how long its `play()` takes. */
export declare class Starter {
    #private;
    constructor(environment: Environment, clock: ClusterTime, player: Player, latency: Latency, events: StarterEvents);
    get blocked(): Blocked;
    /** Plays so that the media moves at that instant of cluster time. */
    arm(at: number): void;
    disarm(): void;
    /** The player was first measured after a start: so many seconds off, if nothing came in between. */
    prove(offset: number): void;
    /** Something came in between: the last start proves nothing. */
    spoil(): void;
    /** The user has made a gesture: plays aloud again. False when nothing was blocked. */
    unblock(): boolean;
}
