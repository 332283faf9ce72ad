/** Timers and chance, which tests bring their own of. Times are in milliseconds. */
export interface Timers {
  now(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  /** A text that nobody else has come upon. */
  unique(): string;
}

/** The browser's own. */
export const browserTimers: Timers = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as number | undefined),
  // Not randomUUID, which pages over plain http lack.
  unique: () => crypto.getRandomValues(new Uint32Array(3)).join('-'),
};
