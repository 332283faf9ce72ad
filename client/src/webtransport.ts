import type { DatagramsLike, Environment, WebTransportLike } from './environment.js';
import { TandemError } from './errors.js';
import {
  CloseCode,
  decode,
  decodeDatagram,
  encodeProbe,
  frame,
  FrameReader,
  type ClientMessage,
  type Endpoint,
  type Received,
} from './protocol/index.js';
import { StreamWriter } from './stream-writer.js';
import type { Transport, TransportEvents } from './transport.js';

/** How many datagrams may wait for us to read them. */
const INCOMING_DATAGRAMS = 64;
/** A probe that could not leave for so long, in milliseconds, measures the queue and not the path. */
const PROBE_AGE_MS = 300;
/** How many probes may be on their way out. */
const MOST_PROBES_LEAVING = 8;

/** The bytes of a stream. */
type Readable = ReadableStream<Uint8Array>;

/**
 * Opens a WebTransport session and the stream for control. Resolves when that is usable; the gateway says nothing
 * before hello.
 */
export async function openWebTransport(
  endpoint: Endpoint,
  events: TransportEvents,
  environment: Environment,
  signal: AbortSignal,
): Promise<Transport> {
  const aborted = new TandemError('aborted', 'the attempt was given up');
  if (signal.aborted) throw aborted;
  let session: WebTransportLike | undefined;
  let abandon = (): void => undefined;
  try {
    const opened = (session = environment.openWebTransport(endpoint.url, optionsFor(endpoint)));
    const given = new Promise<never>((_, reject) => (abandon = () => reject(aborted)));
    signal.addEventListener('abort', abandon);
    const ended = opened.closed.then((info) => Promise.reject(new Error(info?.reason || 'closed by the gateway')));
    const opening = opened.ready.then(() => opened.createBidirectionalStream());
    // Of these only the first to settle counts; the others must not pass for unhandled.
    for (const promise of [ended, opening]) promise.catch(() => undefined);
    const control = await Promise.race([opening, ended, given]);
    return new WebTransportLink(endpoint.url, opened, control, events, environment);
  } catch (error) {
    if (session) shut(session);
    if (error === aborted) throw error;
    throw new TandemError('unavailable', wordsOf(error));
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}

function optionsFor({ certificateHashes }: Endpoint): WebTransportOptions {
  if (!certificateHashes?.length) return {};
  const value = (hash: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(hash), (c) => c.charCodeAt(0));
  return { serverCertificateHashes: certificateHashes.map((hash) => ({ algorithm: 'sha-256', value: value(hash) })) };
}

/**
 * A session: control on one stream both ways, bulk on streams that the gateway opens, probes and their answers and a
 * copy of each timeline as datagrams. Whatever fails first ends it, once.
 */
class WebTransportLink implements Transport {
  readonly kind = 'webtransport';
  readonly #session: WebTransportLike;
  readonly #events: TransportEvents;
  readonly #environment: Environment;
  readonly #control: StreamWriter;
  readonly #datagrams: WritableStreamDefaultWriter<BufferSource>;
  #probesLeaving = 0;
  #ended = false;

  constructor(
    readonly url: string,
    session: WebTransportLike,
    control: { readonly readable: Readable; readonly writable: WritableStream<BufferSource> },
    events: TransportEvents,
    environment: Environment,
  ) {
    this.#session = session;
    this.#events = events;
    this.#environment = environment;
    this.#control = new StreamWriter(control.writable, (error) => this.#end(CloseCode.abnormal, wordsOf(error)));
    this.#datagrams = writableOf(session.datagrams).getWriter();
    session.datagrams.incomingHighWaterMark = INCOMING_DATAGRAMS;
    session.datagrams.outgoingMaxAge = PROBE_AGE_MS;
    session.closed.then(
      (info) => this.#end(codeOf(info?.closeCode), info?.reason || 'closed by the gateway'),
      (error: unknown) => this.#end(CloseCode.abnormal, wordsOf(error)),
    );
    void this.#readMessages(control.readable, () => this.#end(CloseCode.abnormal, 'the gateway ended its stream'));
    void this.#readStreams();
    void this.#readDatagrams();
  }

  send(message: ClientMessage): void {
    if (message.type === 'probe') return this.#probe(message.t1);
    const framed = frame(JSON.stringify(message));
    if (this.#ended || this.#control.write(framed)) return;
    // Not in the middle of what the caller does.
    queueMicrotask(() => this.#end(CloseCode.overflow, 'the network takes nothing any more'));
  }

  close(code: number, reason: string): void {
    this.#ended = true;
    shut(this.#session, code, reason);
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.close(code, reason);
    this.#events.closed(code, reason);
  }

  #probe(t1: number): void {
    if (this.#ended || this.#probesLeaving >= MOST_PROBES_LEAVING) return;
    this.#probesLeaving++;
    const gone = (): void => void this.#probesLeaving--;
    // When a session has ended, its other streams tell.
    this.#datagrams.write(encodeProbe(t1)).then(gone, gone);
  }

  async #readMessages(stream: Readable, ended: () => void): Promise<void> {
    const utf8 = new TextDecoder();
    let receivedAt = 0;
    const frames = new FrameReader((bytes) => this.#tell(() => decode(utf8.decode(bytes)), receivedAt));
    const last = (): void => {
      if (frames.partial) this.#end(CloseCode.abnormal, 'the gateway ended its stream in the middle of a message');
      else ended();
    };
    await this.#readAll(stream, last, (piece) => {
      receivedAt = this.#environment.now();
      try {
        frames.push(piece);
      } catch (error) {
        if (!(error instanceof TandemError)) throw error;
        this.#end(CloseCode.abnormal, error.message);
      }
    });
  }

  /** The gateway may end a stream of its own when it has no more to say there. */
  #readStreams(): Promise<void> {
    const none = (): void => undefined;
    return this.#readAll(this.#session.incomingUnidirectionalStreams, none, (stream) => {
      void this.#readMessages(stream, none);
    });
  }

  #readDatagrams(): Promise<void> {
    return this.#readAll(this.#session.datagrams.readable, () => undefined, (bytes) => {
      this.#tell(() => decodeDatagram(bytes), this.#environment.now());
    });
  }

  async #readAll<T>(stream: ReadableStream<T>, last: () => void, each: (value: T) => void): Promise<void> {
    const reader = stream.getReader();
    for (;;) {
      const read = await reader.read().catch((error: unknown) => this.#end(CloseCode.abnormal, wordsOf(error)));
      if (this.#ended || !read) return;
      if (read.done) return last();
      try {
        each(read.value);
      } catch (error) {
        // Somebody who listens threw. A stream that is read no more would look alive.
        this.#end(CloseCode.abnormal, wordsOf(error));
        throw error;
      }
    }
  }

  #tell(decoded: () => Received | undefined, receivedAt: number): void {
    if (this.#ended) return;
    let message: Received | undefined;
    try {
      message = decoded();
    } catch (error) {
      if (!(error instanceof TandemError)) throw error;
      return this.#events.garbage(error);
    }
    if (message) this.#events.message(message, receivedAt);
  }
}

function writableOf(datagrams: DatagramsLike): WritableStream<BufferSource> {
  const writable = datagrams.createWritable?.() ?? datagrams.writable;
  if (!writable) throw new Error('this browser sends no datagrams');
  return writable;
}

/** What is no code of the protocol says nothing about coming back. */
function codeOf(closeCode: number | undefined): number {
  return closeCode !== undefined && closeCode >= 4000 && closeCode < 5000 ? closeCode : CloseCode.abnormal;
}

function shut(session: WebTransportLike, code = 0, reason = ''): void {
  try {
    session.close({ closeCode: code, reason });
  } catch {
    // Some throw when the session has failed already.
  }
}

function wordsOf(error: unknown): string {
  return (error instanceof Error && error.message) || 'the connection failed';
}
