/** Writes to a stream in order, one write at a time; what comes meanwhile waits, up to a bound, and goes out together. */
export declare class StreamWriter {
    #private;
    /** @param failed takes the error of a write; there is only one, for the stream is of no use after it. */
    constructor(stream: WritableStream<BufferSource>, failed: (error: unknown) => void);
    /** Takes bytes over. False when too much waits already: then they are dropped. */
    write(bytes: Uint8Array): boolean;
}
