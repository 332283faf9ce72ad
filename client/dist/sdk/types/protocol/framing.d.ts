/** A message as it goes on a stream. Throws a {@link TandemError} `too_large` over 64 KiB. */
export declare function frame(text: string): Uint8Array<ArrayBuffer>;
/** Cuts a stream, which arrives in pieces of any size, into messages. Holds one message at most. */
export declare class FrameReader {
    #private;
    /** @param message takes each message as it is complete; its bytes are only lent. */
    constructor(message: (bytes: Uint8Array) => void);
    /** There is a message whose end has not come. */
    get partial(): boolean;
    /** Takes the next piece. Throws a {@link TandemError} `too_large`; after that the stream is of no use. */
    push(piece: Uint8Array): void;
}
