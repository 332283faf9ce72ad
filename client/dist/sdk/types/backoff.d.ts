/** Exponential back-off from 250 ms to 10 s, each delay jittered over its upper half so that clients spread. */
export declare class Backoff {
    #private;
    private readonly random;
    constructor(random: () => number);
    /** The next delay in milliseconds. */
    next(): number;
    /** Starts over, after a connection that held. */
    reset(): void;
}
