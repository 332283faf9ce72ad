/** A timer's handle, whatever the platform makes of it. */
export type Timer = unknown;
/** The part of the platform's WebSocket that the SDK uses. */
export type WebSocketLike = Pick<WebSocket, 'onopen' | 'onmessage' | 'onclose' | 'send' | 'close'>;
/**
 * What the SDK needs of its surroundings. Pages, workers and extensions have it all as globals; tests and other
 * programs bring their own. Nothing global is touched before it is used.
 */
export interface Environment {
    /** A monotonic clock in milliseconds of any origin. */
    now(): number;
    setTimeout(run: () => void, ms: number): Timer;
    clearTimeout(timer: Timer): void;
    /** Runs something as soon as the event loop is free: finer than a timer. */
    soon(run: () => void): void;
    /** A number in [0, 1). */
    random(): number;
    openWebSocket(url: string, subprotocol: string): WebSocketLike;
    fetch(url: string, init?: RequestInit): Promise<Response>;
    /** Calls back when the device is online again; returns how to stop that. */
    onOnline(run: () => void): () => void;
}
/** The platform's own. */
export declare const platform: Environment;
/**
 * Runs something at an instant of `environment.now()`, to within a fraction of a millisecond: a timer brings it
 * near, then the event loop is polled. Returns how to cancel.
 */
export declare function runAt(environment: Environment, instant: number, run: () => void): () => void;
