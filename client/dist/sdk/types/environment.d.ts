/** A timer's handle, whatever the platform makes of it. */
export type Timer = unknown;
/** The part of the platform's WebSocket that the SDK uses. */
export type WebSocketLike = Pick<WebSocket, 'onopen' | 'onmessage' | 'onclose' | 'send' | 'close'>;
/** The part of the platform's WebTransport that the SDK uses. */
export interface WebTransportLike {
    readonly ready: Promise<unknown>;
    readonly closed: Promise<{
        readonly closeCode?: number;
        readonly reason?: string;
    } | undefined>;
    readonly datagrams: DatagramsLike;
    readonly incomingUnidirectionalStreams: ReadableStream<ReadableStream<Uint8Array>>;
    createBidirectionalStream(): Promise<{
        readonly readable: ReadableStream<Uint8Array>;
        readonly writable: WritableStream<BufferSource>;
    }>;
    close(info?: {
        closeCode?: number;
        reason?: string;
    }): void;
}
/** Browsers have `writable`, or `createWritable` as the standard has it by now. */
export interface DatagramsLike {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable?: WritableStream<BufferSource>;
    createWritable?(): WritableStream<BufferSource>;
    incomingHighWaterMark: number;
    outgoingMaxAge: number | null;
}
/** Where a program may keep small texts over reloads, such as `localStorage`. */
export type KeyValueStore = Pick<Storage, 'getItem' | 'setItem'>;
/**
 * What the SDK needs of its surroundings. Pages, workers and extensions have it all as globals; tests and other
 * programs bring their own. Nothing global is touched before it is used.
 */
export interface Environment {
    /** A monotonic clock in milliseconds of any origin. */
    now(): number;
    /** The device's wall clock in milliseconds since 1970: good enough for what is kept over reloads. */
    date(): number;
    setTimeout(run: () => void, ms: number): Timer;
    clearTimeout(timer: Timer): void;
    /** Runs something as soon as the event loop is free: finer than a timer. */
    soon(run: () => void): void;
    /** A number in [0, 1). */
    random(): number;
    openWebSocket(url: string, subprotocol: string): WebSocketLike;
    openWebTransport(url: string, options: WebTransportOptions): WebTransportLike;
    /** Why there is no WebTransport here, for people; undefined when there is. */
    lacksWebTransport(): string | undefined;
    fetch(url: string, init?: RequestInit): Promise<Response>;
    /** Calls back when the device is online again; returns how to stop that. */
    onOnline(run: () => void): () => void;
    /** What kind of network the device is on, such as `wifi`; empty where the platform does not tell. */
    network(): string;
    /** Where to remember what a network lets through; undefined where there is nothing. */
    store(): KeyValueStore | undefined;
}
/** The platform's own. */
export declare const platform: Environment;
/**
 * Runs something at an instant of `environment.now()`, to within a fraction of a millisecond: a timer brings it
 * near, then the event loop is polled. Returns how to cancel.
 */
export declare function runAt(environment: Environment, instant: number, run: () => void): () => void;
