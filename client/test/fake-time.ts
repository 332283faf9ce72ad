import type { Environment } from '../src/environment.js';

interface Scheduled {
  at: number;
  order: number;
  run(): void;
}

/** Virtual time: nothing happens but by `advance`, and then in order, with promises settled in between. */
export class FakeTime {
  #now = 1_000;
  #order = 0;
  readonly #timers = new Set<Scheduled>();
  readonly #online = new Set<() => void>();

  now = (): number => this.#now;
  /** The wall clock. */
  date = (): number => 1_767_225_600_000 + this.#now;

  schedule(run: () => void, ms: number): Scheduled {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#timers.add(timer);
    return timer;
  }

  cancel(timer: Scheduled): void {
    this.#timers.delete(timer);
  }

  /** How many timers are set: none may stay behind. */
  get pending(): number {
    return this.#timers.size;
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!next || next.at > end) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settled();
    }
    this.#now = end;
  }

  goOnline(): void {
    for (const run of this.#online) run();
  }

  /** An environment in this time. Its randomness is seeded, and its network is for a test to fill in. */
  environment(overrides: Partial<Environment> = {}): Environment {
    return {
      now: this.now,
      date: this.date,
      setTimeout: (run, ms) => this.schedule(run, ms),
      clearTimeout: (timer) => this.cancel(timer as Scheduled),
      soon: (run) => void this.schedule(run, 0.2),
      random: seeded(1),
      openWebSocket: () => {
        throw new Error('no network in this test');
      },
      openWebTransport: () => {
        throw new Error('no network in this test');
      },
      lacksWebTransport: () => 'this browser has no WebTransport',
      fetch: () => Promise.reject(new Error('no network in this test')),
      onOnline: (run) => {
        this.#online.add(run);
        return () => this.#online.delete(run);
      },
      network: () => '',
      store: () => undefined,
      ...overrides,
    };
  }
}

/** Lets everything happen that waits for promises only. */
export function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Mulberry32: the same numbers for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
