/** The median of the last few times that something took, in milliseconds, with a guess until it is known. */
export declare class Latency {
    #private;
    private readonly guessMs;
    /** @param guessMs what it is taken for until measured. */
    constructor(guessMs: number);
    get ms(): number;
    /** Notes one measurement; it is clamped to what can be planned for. */
    add(ms: number): void;
}
/** What this device's player takes, as far as it was learned. */
export interface Latencies {
    /** From `play()` until the media moves, in milliseconds. */
    readonly playMs: number;
    /** From a seek until `seeked`, in milliseconds. */
    readonly seekMs: number;
}
/** The median, the upper one of an even number of values; NaN of none. */
export declare function median(values: readonly number[]): number;
