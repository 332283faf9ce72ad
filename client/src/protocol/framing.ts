import { TandemError } from '../errors.js';
import { MAX_MESSAGE } from './codes.js';

/** On a stream each message comes behind its length: so many bytes, big-endian. */
const HEADER = 4;

const utf8 = new TextEncoder();

/** A message as it goes on a stream. Throws a {@link TandemError} `too_large` over 64 KiB. */
export function frame(text: string): Uint8Array<ArrayBuffer> {
  // A UTF-16 unit makes at most three bytes.
  const framed = new Uint8Array(HEADER + text.length * 3);
  const { written } = utf8.encodeInto(text, framed.subarray(HEADER));
  if (written > MAX_MESSAGE) throw new TandemError('too_large', `a message has at most ${MAX_MESSAGE} bytes`);
  new DataView(framed.buffer).setUint32(0, written);
  return framed.subarray(0, HEADER + written);
}

/** Cuts a stream, which arrives in pieces of any size, into messages. Holds one message at most. */
export class FrameReader {
  readonly #message: (bytes: Uint8Array) => void;
  readonly #header = new Uint8Array(HEADER);
  #body: Uint8Array | undefined;
  /** How much is there of the body, or without one of the header. */
  #have = 0;

  /** @param message takes each message as it is complete; its bytes are only lent. */
  constructor(message: (bytes: Uint8Array) => void) {
    this.#message = message;
  }

  /** There is a message whose end has not come. */
  get partial(): boolean {
    return this.#body !== undefined || this.#have > 0;
  }

  /** Takes the next piece. Throws a {@link TandemError} `too_large`; after that the stream is of no use. */
  push(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; ) {
      const into = this.#body ?? this.#header;
      const taken = piece.subarray(at, at + into.length - this.#have);
      into.set(taken, this.#have);
      at += taken.length;
      this.#have += taken.length;
      if (this.#have === into.length) this.#complete();
    }
  }

  #complete(): void {
    this.#have = 0;
    const body = this.#body;
    if (body) {
      this.#body = undefined;
      return this.#message(body);
    }
    const length = new DataView(this.#header.buffer).getUint32(0);
    if (length > MAX_MESSAGE) throw new TandemError('too_large', `the gateway sent a message of ${length} bytes`);
    if (length === 0) return this.#message(new Uint8Array(0));
    this.#body = new Uint8Array(length);
  }
}
