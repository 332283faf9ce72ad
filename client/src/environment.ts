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
export const platform: Environment = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  soon: (run) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      run();
    };
    channel.port2.postMessage(null);
  },
  random: () => Math.random(),
  openWebSocket: (url, subprotocol) => new WebSocket(url, subprotocol),
  fetch: (url, init) => fetch(url, init),
  onOnline: (run) => {
    globalThis.addEventListener?.('online', run);
    return () => globalThis.removeEventListener?.('online', run);
  },
};

/** How close to its instant a timer of the platform can be trusted to fire, in milliseconds. */
const COARSE = 16;

/**
 * Runs something at an instant of `environment.now()`, to within a fraction of a millisecond: a timer brings it
 * near, then the event loop is polled. Returns how to cancel.
 */
export function runAt(environment: Environment, instant: number, run: () => void): () => void {
  let cancelled = false;
  let timer: Timer;
  const poll = (): void => {
    if (cancelled) return;
    if (environment.now() >= instant) run();
    else environment.soon(poll);
  };
  const wait = instant - environment.now() - COARSE;
  if (wait > 0) timer = environment.setTimeout(poll, wait);
  else poll();
  return () => {
    cancelled = true;
    environment.clearTimeout(timer);
  };
}
