const FIRST_MS = 250;
const MOST_MS = 10_000;

/** Exponential back-off from 250 ms to 10 s, each delay jittered over its upper half so that clients spread. */
export class Backoff {
  #attempt = 0;

  constructor(private readonly random: () => number) {}

  /** The next delay in milliseconds. */
  next(): number {
    const ceiling = Math.min(MOST_MS, FIRST_MS * 2 ** this.#attempt);
    if (ceiling < MOST_MS) this.#attempt++;
    return ceiling * (0.5 + this.random() / 2);
  }

  /** Starts over, after a connection that held. */
  reset(): void {
    this.#attempt = 0;
  }
}
