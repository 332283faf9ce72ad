import type { Environment } from './environment.js';

/** A network that drops UDP is left alone for so long, then for twice as long each time, in milliseconds. */
const FIRST_MS = 10 * 60_000;
const MOST_MS = 24 * 3_600_000;
const MOST_DOUBLINGS = 8;
/** A WebTransport that falls silent sooner than this never really worked, in milliseconds. */
const HELD_MS = 5_000;
/** Two silences within so long are one trouble, in milliseconds. */
const RECENT_MS = 10 * 60_000;

const KEY = 'tandem.networks';
const MOST_KEPT = 20;

/** What is known of a network that dropped UDP. */
interface Dropped {
  /** By the wall clock, in milliseconds. */
  readonly until: number;
  /** How often in a row. */
  readonly times: number;
}

/**
 * Remembers which networks drop UDP on the way to a gateway, so that nobody waits for it again and again. A network is
 * told by the gateway and by its kind, where the platform says that. It is kept over reloads where there is a store.
 */
export class Paths {
  readonly #environment: Environment;
  readonly #gateway: string;
  /** What holds where nothing can be stored. */
  #known: Record<string, Dropped> = {};
  /** When a WebTransport that had worked last fell silent, by the monotonic clock in milliseconds. */
  #silentAt = -Infinity;

  constructor(environment: Environment, gateway: string) {
    this.#environment = environment;
    this.#gateway = gateway;
  }

  /** UDP does not get through here, as far as is known. */
  get drops(): boolean {
    const left = (this.#read()[this.#key]?.until ?? 0) - this.#environment.date();
    // More is left than can be: the wall clock was set.
    return left > 0 && left <= MOST_MS;
  }

  /** UDP did not get through. @param timesBefore how often it had not before, if that was to be forgotten. */
  dropped(timesBefore = 0): void {
    if (this.drops) return;
    const all = this.#read();
    const times = Math.max(timesBefore, all[this.#key]?.times ?? 0) + 1;
    const ms = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(MOST_DOUBLINGS, times - 1));
    this.#write({ ...all, [this.#key]: { until: this.#environment.date() + ms, times } });
  }

  /**
   * A WebTransport was open and carried nothing any more. That may be the gateway's end as well as the network, so the
   * next race finds out; unless it never worked, or the last one ended so too: a race that WebTransport wins each time
   * only for it to fall silent again would never end.
   *
   * @param afterMs how long it had been open.
   * @param timesBefore how often in a row UDP had not got through before.
   */
  fellSilent(afterMs: number, timesBefore: number): void {
    const now = this.#environment.now();
    const again = now - this.#silentAt < RECENT_MS;
    this.#silentAt = now;
    if (afterMs < HELD_MS || again) this.dropped(afterMs < RECENT_MS ? timesBefore : 0);
  }

  /** UDP gets through. Returns how often in a row it had not. */
  works(): number {
    const { [this.#key]: before, ...others } = this.#read();
    if (before) this.#write(others);
    return before?.times ?? 0;
  }

  /** The device may be on another network: what was dropped deserves a try. */
  retry(): void {
    const all = this.#read();
    this.#write(Object.fromEntries(Object.entries(all).map(([key, { times }]) => [key, { until: 0, times }])));
  }

  get #key(): string {
    return `${this.#gateway} ${this.#environment.network()}`.trim();
  }

  #read(): Readonly<Record<string, Dropped>> {
    try {
      const kept: unknown = JSON.parse(this.#environment.store()?.getItem(KEY) ?? 'null');
      if (typeof kept === 'object' && kept !== null) return kept as Record<string, Dropped>;
    } catch {
      // Blocked, or not ours.
    }
    return this.#known;
  }

  #write(all: Record<string, Dropped>): void {
    const newest = Object.entries(all).sort(([, a], [, b]) => b.until - a.until).slice(0, MOST_KEPT);
    this.#known = Object.fromEntries(newest);
    try {
      this.#environment.store()?.setItem(KEY, JSON.stringify(this.#known));
    } catch {
      // Full or blocked: then it is forgotten with the page.
    }
  }
}
