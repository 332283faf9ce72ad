import { type ClockSample } from './clock-estimate.js';
/** What users of the clock read. */
export interface ClusterTime {
    /** Cluster time in microseconds since 1970; the device's own guess before the first exchange. */
    now(): number;
    /** The cluster time at an instant of the environment's monotonic clock in milliseconds. */
    at(localMs: number): number;
    /** The environment's monotonic instant in milliseconds at which the cluster's clock shows `time`. */
    localAt(time: number): number;
    /** A bound on the error of `now()` in milliseconds; Infinity before the first exchange. */
    readonly errorMs: number;
    /** The median of the last round trips in milliseconds; undefined before the first. */
    readonly rttMs: number | undefined;
}
/**
 * The cluster's clock, estimated from exchanges of four timestamps. The device's wall clock plays no part: between
 * exchanges the monotonic clock carries it on. Small corrections are slewed, so that video never jumps for them.
 */
export declare class ClusterClock implements ClusterTime {
    #private;
    /** @param monotonic a monotonic clock in milliseconds. */
    constructor(monotonic: () => number);
    /** The monotonic clock in whole microseconds, as probes carry it. */
    local(): number;
    /** Takes in an exchange. One whose stamps contradict each other is dropped. */
    add(sample: ClockSample): void;
    /**
     * Forgets the samples, for another gateway may answer from now on. What was known holds until the new samples know
     * it better, or contradict it: a first answer that took long says little.
     */
    restart(): void;
    now(): number;
    at(localMs: number): number;
    localAt(time: number): number;
    get errorMs(): number;
    get rttMs(): number | undefined;
    /** The estimated drift of this device's clock against the cluster's, in parts per million. */
    get driftPpm(): number;
}
