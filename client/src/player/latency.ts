const REMEMBERED = 5;
const MOST_MS = 2_000;

/** The median of the last few times that something took, in milliseconds, with a guess until it is known. */
export class Latency {
  #last: number[] = [];

  /** @param guessMs what it is taken for until measured. */
  constructor(private readonly guessMs: number) {}

  get ms(): number {
    return this.#last.length > 0 ? median(this.#last) : this.guessMs;
  }

  /** Notes one measurement; it is clamped to what can be planned for. */
  add(ms: number): void {
    this.#last = [...this.#last, Math.min(MOST_MS, Math.max(0, ms))].slice(-REMEMBERED);
  }
}

/** What this device's player takes, as far as it was learned. */
export interface Latencies {
  /** From `play()` until the media moves, in milliseconds. */
  readonly playMs: number;
  /** From a seek until `seeked`, in milliseconds. */
  readonly seekMs: number;
}

/** The median, the upper one of an even number of values; NaN of none. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}
