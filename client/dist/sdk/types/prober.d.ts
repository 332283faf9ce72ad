import type { Environment } from './environment.js';
import type { ProbeIntervals } from './protocol/index.js';
/** What the prober drives. */
export interface ProberTarget {
    /** Sends one probe. */
    probe(): void;
    /** The connection is silent: it is dead. */
    silent(): void;
    /** The round trip in milliseconds; undefined while unknown. */
    rttMs(): number | undefined;
}
/** Probes the clock at the protocol's pace, and notices by the missing answers when a connection has died. */
export declare class Prober {
    #private;
    constructor(environment: Environment, target: ProberTarget, intervals: ProbeIntervals, playing: boolean);
    /** Probes more often while the room plays. */
    setPlaying(playing: boolean): void;
    /** Something arrived: the connection lives. */
    heard(): void;
    stop(): void;
}
