import type { ClusterTime } from '../clock.js';
import { runAt, type Environment } from '../environment.js';
import type { Latency } from './latency.js';
import type { Player } from './player.js';

/** A start that came later than planned by more proves nothing about the latency, in milliseconds. */
const PUNCTUAL_MS = 5;
/** What is off by more was no start on time, in seconds. */
const MOST_MISS = 0.4;

/** What a browser does to a player that wants to play before the user has made a gesture. */
export type Blocked = false | 'silent' | 'stopped';

/** What a starter tells its synchroniser. */
export interface StarterEvents {
  /** `play()` is about to be called. */
  starting(): void;
  /** The browser did not let it play; with sound, if it is `silent` now. */
  blocked(how: 'silent' | 'stopped'): void;
}

/** Starts a player so that the media moves at a given instant, and learns how long its `play()` takes. */
export class Starter {
  readonly #environment: Environment;
  readonly #clock: ClusterTime;
  readonly #player: Player;
  readonly #latency: Latency;
  readonly #events: StarterEvents;
  #armed: { readonly at: number; cancel(): void } | undefined;
  /** The latency that the last start was planned with, until it is proven or spoilt. */
  #assumedMs: number | undefined;
  #blocked: Blocked = false;

  constructor(environment: Environment, clock: ClusterTime, player: Player, latency: Latency, events: StarterEvents) {
    this.#environment = environment;
    this.#clock = clock;
    this.#player = player;
    this.#latency = latency;
    this.#events = events;
  }

  get blocked(): Blocked {
    return this.#blocked;
  }

  /** Plays so that the media moves at that instant of cluster time. */
  arm(at: number): void {
    if (this.#armed?.at === at) return;
    this.disarm();
    const assumedMs = this.#latency.ms;
    const instant = this.#clock.localAt(at) - assumedMs;
    let started = false;
    const cancel = runAt(this.#environment, instant, () => {
      started = true;
      this.#armed = undefined;
      this.#start();
      if (this.#environment.now() - instant < PUNCTUAL_MS) this.#assumedMs = assumedMs;
    });
    // One that was due has run already.
    if (!started) this.#armed = { at, cancel };
  }

  disarm(): void {
    this.#armed?.cancel();
    this.#armed = undefined;
  }

  /** The player was first measured after a start: so many seconds off, if nothing came in between. */
  prove(offset: number): void {
    if (this.#assumedMs !== undefined && Math.abs(offset) < MOST_MISS) this.#latency.add(this.#assumedMs - offset * 1000);
    this.spoil();
  }

  /** Something came in between: the last start proves nothing. */
  spoil(): void {
    this.#assumedMs = undefined;
  }

  /** The user has made a gesture: plays aloud again. False when nothing was blocked. */
  unblock(): boolean {
    if (!this.#blocked) return false;
    this.#blocked = false;
    this.#player.setMuted(false);
    return true;
  }

  #start(): void {
    this.#events.starting();
    this.#player.play().catch((error: unknown) => {
      // Anything else is a pause or a load that came in between, and tells of itself.
      if (error instanceof Error && error.name === 'NotAllowedError') this.#refused();
    });
  }

  #refused(): void {
    const how = this.#blocked === false ? 'silent' : 'stopped';
    this.#blocked = how;
    if (how === 'silent') this.#player.setMuted(true);
    this.#events.blocked(how);
  }
}
