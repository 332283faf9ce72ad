/**
 * One exchange of four timestamps, in microseconds: the probe left at `t1` and its answer came at `t4` by the local
 * monotonic clock; the gateway received it at `t2` and answered at `t3` by the cluster's.
 */
export interface ClockSample {
    readonly t1: number;
    readonly t2: number;
    readonly t3: number;
    readonly t4: number;
}
/** What a window of samples says about cluster time minus local time, in microseconds. */
export interface OffsetEstimate {
    /** The offset at local instant `at`. */
    readonly offset: number;
    /** A bound on its error, as long as neither clock drifts by more than 30 ppm beyond `drift`. */
    readonly error: number;
    /** By how much the offset grows per microsecond. */
    readonly drift: number;
    readonly at: number;
}
/**
 * Estimates the offset at local instant `now`. A message takes some time, so t2 − t1 is never below the offset and
 * t3 − t4 never above it: the tightest such bounds of the window enclose it, whatever the jitter. The estimate is
 * their midpoint, which only the asymmetry of the fastest paths can move. Undefined when no offset fits all samples.
 */
export declare function estimateOffset(samples: readonly ClockSample[], now: number): OffsetEstimate | undefined;
/** The estimate at a later local instant, less certain for its age. */
export declare function carryOn(estimate: OffsetEstimate, now: number): OffsetEstimate;
/** The time that an exchange spent on the network, in microseconds. */
export declare function roundTrip(s: ClockSample): number;
