import type { Environment, Timer } from '../environment.js';
import { planCorrection } from './correct.js';
import { median } from './latency.js';

/** After anything changed a player is left alone for so long before it is measured, in milliseconds. */
const SETTLE_MS = 300;
const SAMPLES = 8;
const SAMPLE_MS = 25;
/** How long after a measurement that asked for nothing the next one begins, in milliseconds. */
const STEADY_MS = 1_000;

/** What the follower needs of a player that plays. */
export interface Followed {
  /** How far it is off the timeline now, in seconds; positive is ahead. */
  offset(): number;
  /** Plays at `factor` times the timeline's rate. */
  setFactor(factor: number, keepPitch: boolean): void;
  /** A measurement was made: the median offset in seconds. */
  measured(offset: number): void;
  /** The offset is beyond nudging. */
  rejoin(): void;
}

/**
 * Keeps a playing player on the timeline: measures it at the plain rate, makes one correction, lets it settle and
 * measures again. There is no feedback while it corrects, so it cannot oscillate.
 */
export class Follower {
  readonly #environment: Environment;
  readonly #player: Followed;
  #timer: Timer;

  constructor(environment: Environment, player: Followed) {
    this.#environment = environment;
    this.#player = player;
    this.#settle();
  }

  /** Stops, and leaves the rate as it is. */
  stop(): void {
    this.#environment.clearTimeout(this.#timer);
  }

  #settle(): void {
    this.#after(SETTLE_MS, () => this.#sample([]));
  }

  #sample(offsets: readonly number[]): void {
    const all = [...offsets, this.#player.offset()];
    if (all.length < SAMPLES) this.#after(SAMPLE_MS, () => this.#sample(all));
    else this.#correct(median(all));
  }

  #correct(offset: number): void {
    const correction = planCorrection(offset);
    this.#player.measured(offset);
    switch (correction.kind) {
      case 'none':
        return this.#after(STEADY_MS, () => this.#sample([]));
      case 'rejoin':
        // Its owner stops this follower, or has its reasons not to: then look again later.
        this.#after(STEADY_MS, () => this.#sample([]));
        return this.#player.rejoin();
      case 'nudge':
        this.#player.setFactor(correction.factor, correction.keepPitch);
        return this.#after(correction.durationMs, () => {
          this.#player.setFactor(1, correction.keepPitch);
          this.#settle();
        });
    }
  }

  #after(ms: number, run: () => void): void {
    this.#timer = this.#environment.setTimeout(run, ms);
  }
}
