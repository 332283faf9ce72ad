import type { Environment, Timer } from './environment.js';
import type { ProbeIntervals } from './protocol/index.js';

/** A new connection is probed quickly first: pairs of how many and how many milliseconds apart. */
const BURSTS = [
  { probes: 10, everyMs: 40 },
  { probes: 10, everyMs: 500 },
] as const;
/** Steady probes come earlier by up to this share, so that the members of a room do not probe in step. */
const JITTER = 0.1;
/** An answer is missed after this many round trips, at least so many milliseconds… */
const PATIENCE_ROUND_TRIPS = 3;
const PATIENCE_MS = 300;
/** …then the probe is repeated so often in this time, and after it the connection counts as dead. */
const REPEATS = 3;
const REPEAT_WITHIN_MS = 700;

/** What the prober drives. */
export interface ProberTarget {
  /** Sends one probe. */
  probe(): void;
  /** The connection is silent: it is dead. */
  silent(): void;
  /** The round trip in milliseconds; undefined while unknown. */
  rttMs(): number | undefined;
}

/** Probes the clock at the protocol's pace, and notices by the missing answers when a connection has died. */
export class Prober {
  readonly #environment: Environment;
  readonly #target: ProberTarget;
  readonly #intervals: ProbeIntervals;
  #playing: boolean;
  #sent = 0;
  #nextProbe: Timer;
  #patience: Timer;
  #waiting = false;

  constructor(environment: Environment, target: ProberTarget, intervals: ProbeIntervals, playing: boolean) {
    this.#environment = environment;
    this.#target = target;
    this.#intervals = intervals;
    this.#playing = playing;
    this.#tick();
  }

  /** Probes more often while the room plays. */
  setPlaying(playing: boolean): void {
    if (playing === this.#playing) return;
    this.#playing = playing;
    this.#environment.clearTimeout(this.#nextProbe);
    this.#schedule();
  }

  /** Something arrived: the connection lives. */
  heard(): void {
    this.#waiting = false;
    this.#environment.clearTimeout(this.#patience);
  }

  stop(): void {
    this.heard();
    this.#environment.clearTimeout(this.#nextProbe);
  }

  #tick(): void {
    this.#sent++;
    this.#schedule();
    this.#target.probe();
    if (this.#waiting) return;
    this.#waiting = true;
    const patience = Math.max(PATIENCE_MS, PATIENCE_ROUND_TRIPS * (this.#target.rttMs() ?? 0));
    this.#patience = this.#environment.setTimeout(() => this.#repeat(0), patience);
  }

  #schedule(): void {
    this.#nextProbe = this.#environment.setTimeout(() => this.#tick(), this.#interval());
  }

  #interval(): number {
    let probes = 0;
    for (const burst of BURSTS) {
      probes += burst.probes;
      if (this.#sent < probes) return burst.everyMs;
    }
    const steady = this.#playing ? this.#intervals.playing : this.#intervals.idle;
    return steady * (1 - JITTER * this.#environment.random());
  }

  #repeat(done: number): void {
    if (done === REPEATS) return this.#target.silent();
    this.#patience = this.#environment.setTimeout(() => this.#repeat(done + 1), REPEAT_WITHIN_MS / REPEATS);
    this.#target.probe();
  }
}
