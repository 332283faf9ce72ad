/** A timer's handle, whatever the platform makes of it. */
export type Timer = unknown;

/** The part of the platform's WebSocket that the SDK uses. */
export type WebSocketLike = Pick<WebSocket, 'onopen' | 'onmessage' | 'onclose' | 'send' | 'close'>;

/** The part of the platform's WebTransport that the SDK uses. */
export interface WebTransportLike {
  readonly ready: Promise<unknown>;
  readonly closed: Promise<{ readonly closeCode?: number; readonly reason?: string } | undefined>;
  readonly datagrams: DatagramsLike;
  readonly incomingUnidirectionalStreams: ReadableStream<ReadableStream<Uint8Array>>;
  createBidirectionalStream(): Promise<{
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<BufferSource>;
  }>;
  close(info?: { closeCode?: number; reason?: string }): void;
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
export const platform: Environment = {
  now: () => performance.now(),
  date: () => Date.now(),
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
  openWebTransport: (url, options) => new WebTransport(url, options),
  lacksWebTransport: () => {
    if ('WebTransport' in globalThis) return undefined;
    // Browsers hide it there.
    if (globalThis.isSecureContext === false) return 'WebTransport is off: this page is not a secure context';
    return 'this browser has no WebTransport';
  },
  fetch: (url, init) => fetch(url, init),
  onOnline: (run) => {
    globalThis.addEventListener?.('online', run);
    return () => globalThis.removeEventListener?.('online', run);
  },
  network: () => (globalThis.navigator as NavigatorWithConnection | undefined)?.connection?.type ?? '',
  store: () => {
    try {
      return globalThis.localStorage;
    } catch {
      return undefined; // Blocked for this page.
    }
  },
};

/** Not every browser has it, and TypeScript does not know it. */
interface NavigatorWithConnection {
  readonly connection?: { readonly type?: string };
}

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
