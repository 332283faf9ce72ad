import type { Environment } from '../environment.js';
/** What the follower needs of a player that plays. */
export interface Followed {
    /** How far it is off the timeline now, in seconds; positive is ahead. */
    offset(): number;
    /** Plays at `factor` times the timeline's rate. */
    setFactor(factor: number, keepPitch: boolean): void;
    /** A measurement was made: the median offset in seconds. */
    measured(offset: number): void;
    /** The offset is beyond nudging. */
    rejoin(): void;
}
/**
 * Keeps a playing player on the timeline: measures it at the plain rate, makes one correction, lets it settle and
 * measures again. There is no feedback while it corrects, so it cannot oscillate.
 */
export declare class Follower {
    #private;
    constructor(environment: Environment, player: Followed);
    /** Stops, and leaves the rate as it is. */
    stop(): void;
}
