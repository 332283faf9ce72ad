/** What may wait for a network that takes nothing, in bytes. */
const MOST_WAITING = 1 << 20;

/** Writes to a stream in order, one write at a time; what comes meanwhile waits, up to a bound, and goes out together. */
export class StreamWriter {
  readonly #writer: WritableStreamDefaultWriter<BufferSource>;
  readonly #failed: (error: unknown) => void;
  #waiting: Uint8Array[] = [];
  /** In bytes, with what is being written. */
  #held = 0;
  #writing = false;

  /** @param failed takes the error of a write; there is only one, for the stream is of no use after it. */
  constructor(stream: WritableStream<BufferSource>, failed: (error: unknown) => void) {
    this.#writer = stream.getWriter();
    this.#failed = failed;
  }

  /** Takes bytes over. False when too much waits already: then they are dropped. */
  write(bytes: Uint8Array): boolean {
    if (this.#held + bytes.length > MOST_WAITING) return false;
    this.#held += bytes.length;
    this.#waiting.push(bytes);
    if (!this.#writing) void this.#drain();
    return true;
  }

  async #drain(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#waiting.length > 0) {
        const all = join(this.#waiting);
        this.#waiting = [];
        await this.#writer.write(all);
        this.#held -= all.length;
      }
      this.#writing = false;
    } catch (error) {
      this.#waiting = [];
      this.#failed(error);
    }
  }
}

function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
