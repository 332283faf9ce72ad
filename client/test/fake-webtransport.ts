import type { WebTransportLike } from '../src/environment.js';
import {
  FrameReader,
  type ClientMessage,
  type ClockReading,
  type NewTimeline,
  type ServerMessage,
} from '../src/protocol/index.js';
import { take, type FakeServer, type Peer } from './fake-server.js';

/** A promise and how to settle it. */
function deferred<T>(): { promise: Promise<T>; resolve(value: T): void; reject(error: Error): void } {
  let settle!: { resolve(value: T): void; reject(error: Error): void };
  const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }));
  promise.catch(() => undefined);
  return { promise, ...settle };
}

/** A stream that a test feeds. */
export class Feed<T> {
  #controller!: ReadableStreamDefaultController<T>;
  #open = true;
  readonly readable = new ReadableStream<T>({
    start: (controller) => void (this.#controller = controller),
    cancel: () => void (this.#open = false),
  });

  push(value: T): void {
    if (this.#open) this.#controller.enqueue(value);
  }

  end(error?: Error): void {
    if (!this.#open) return;
    this.#open = false;
    if (error) this.#controller.error(error);
    else this.#controller.close();
  }
}

/** A session of the client under test, and the gateway's end of it. */
export class FakeSession implements WebTransportLike, Peer {
  readonly inbox: ClientMessage[] = [];
  answersProbes = true;
  /** The network drops everything, both ways, from now on. */
  dark = false;
  /** How the client closed. */
  closedBy: { closeCode?: number; reason?: string } | undefined;
  /** How many datagrams the client sent, and how many bytes on its stream. */
  datagramsSent = 0;
  written = 0;
  /** Writes on the stream are not taken while this is pending. */
  stalled: Promise<void> | undefined;
  readonly control = new Feed<Uint8Array>();
  readonly streams = new Feed<ReadableStream<Uint8Array>>();
  readonly incoming = new Feed<Uint8Array>();
  bulk: Feed<Uint8Array> | undefined;

  readonly #server: FakeServer;
  readonly #ready = deferred<undefined>();
  readonly #closed = deferred<{ closeCode?: number; reason?: string }>();
  readonly #frames: FrameReader;

  readonly ready = this.#ready.promise;
  readonly closed = this.#closed.promise;
  readonly incomingUnidirectionalStreams = this.streams.readable;
  readonly datagrams;

  constructor(
    readonly url: string,
    readonly options: WebTransportOptions,
    server: FakeServer,
  ) {
    this.#server = server;
    this.#frames = new FrameReader((bytes) => this.#received(JSON.parse(new TextDecoder().decode(bytes)) as ClientMessage));
    const writable = new WritableStream<BufferSource>({
      write: (chunk) => {
        this.datagramsSent++;
        const { buffer, byteOffset } = chunk as Uint8Array;
        const t1 = Number(new DataView(buffer, byteOffset).getBigInt64(1));
        this.#travel(() => this.#probed(t1));
      },
    });
    this.datagrams = { readable: this.incoming.readable, writable, incomingHighWaterMark: 1, outgoingMaxAge: null };
  }

  createBidirectionalStream(): ReturnType<WebTransportLike['createBidirectionalStream']> {
    const writable = new WritableStream<BufferSource>({
      write: async (chunk) => {
        await this.stalled;
        const bytes = (chunk as Uint8Array).slice();
        this.written += bytes.length;
        this.#travel(() => this.#frames.push(bytes));
      },
    });
    return Promise.resolve({ readable: this.control.readable, writable });
  }

  close(info: { closeCode?: number; reason?: string } = {}): void {
    if (this.closedBy) return;
    this.closedBy = info;
    const error = new Error('closed by the page');
    this.#ready.reject(error);
    this.#closed.resolve(info);
    for (const feed of [this.control, this.streams, this.incoming, this.bulk]) feed?.end(error);
  }

  // The gateway's side.

  accept(): void {
    this.#ready.resolve(undefined);
  }

  /** The handshake fails, or the connection breaks. */
  fail(message: string): void {
    const error = new Error(message);
    this.#ready.reject(error);
    this.#closed.reject(error);
    for (const feed of [this.control, this.streams, this.incoming, this.bulk]) feed?.end(error);
  }

  /** The gateway closes the session, which browsers tell without its code. */
  end(info: { closeCode?: number; reason?: string } = {}): void {
    this.#closed.resolve(info);
  }

  tell(...messages: ServerMessage[]): void {
    for (const message of messages) this.#travel(() => this.control.push(framed(message)));
  }

  tellBulk(...messages: ServerMessage[]): void {
    for (const message of messages) {
      this.#travel(() => {
        if (!this.bulk) this.streams.push((this.bulk = new Feed()).readable);
        this.bulk.push(framed(message));
      });
    }
  }

  tellDatagram(message: ClockReading | NewTimeline): void {
    this.#travel(() => this.incoming.push(datagram(message)));
  }

  take<T extends ClientMessage['type']>(type: T): Extract<ClientMessage, { type: T }>[] {
    return take(this.inbox, type);
  }

  #received(message: ClientMessage): void {
    this.inbox.push(message);
    this.#server.onMessage?.(this, message);
  }

  #probed(t1: number): void {
    this.#server.probes++;
    const at = this.#server.clusterNow();
    if (this.answersProbes) this.tellDatagram({ type: 'clock', t1, t2: at, t3: at });
  }

  #travel(arrive: () => void): void {
    if (this.dark) return;
    this.#server.time.schedule(() => !this.dark && !this.closedBy && arrive(), this.#server.delayMs);
  }
}

/** A message of the gateway as it goes on a stream. */
export function framed(message: unknown): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(message));
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

/** A datagram of the gateway. */
export function datagram(message: ClockReading | NewTimeline): Uint8Array {
  if (message.type === 'clock') {
    const view = new DataView(new ArrayBuffer(25));
    view.setUint8(0, 2);
    [message.t1, message.t2, message.t3].forEach((t, i) => view.setBigInt64(1 + 8 * i, BigInt(t)));
    return new Uint8Array(view.buffer);
  }
  const { position, rate, playing, at, number } = message.timeline;
  const view = new DataView(new ArrayBuffer(42));
  view.setUint8(0, 3);
  view.setBigUint64(1, BigInt(message.epoch));
  view.setBigUint64(9, BigInt(number));
  view.setUint8(17, playing ? 1 : 0);
  view.setFloat64(18, position);
  view.setFloat64(26, rate);
  view.setBigInt64(34, BigInt(at));
  return new Uint8Array(view.buffer);
}
