import type { Environment, Timer } from '../environment.js';
import type { Status } from '../protocol/index.js';

/** The protocol's bound: two reports a second. */
const LEAST_MS = 500;
/** What only moves a little waits so long, in milliseconds. */
const CALM_MS = 5_000;
/** Offsets, round trips and latencies that moved by less are the same to other members, in milliseconds. */
const SAME_MS = 5;

/** Reports a player's status when it has changed: at most twice a second, small movements every few seconds. */
export class StatusReporter {
  readonly #environment: Environment;
  readonly #send: (status: Status) => boolean;
  readonly #read: () => Status;
  #last: Status = {};
  #lastAt = -Infinity;
  #timer: Timer;

  /** @param send false when it could not be sent. */
  constructor(environment: Environment, send: (status: Status) => boolean, read: () => Status) {
    this.#environment = environment;
    this.#send = send;
    this.#read = read;
  }

  /** Something may have changed. */
  changed(): void {
    if (this.#timer !== undefined) return;
    const status = this.#read();
    const wait = this.#lastAt + (differs(status, this.#last) ? LEAST_MS : CALM_MS) - this.#environment.now();
    if (wait <= 0) this.#report(status);
    else if (wait <= LEAST_MS) {
      this.#timer = this.#environment.setTimeout(() => {
        this.#timer = undefined;
        this.changed();
      }, wait);
    }
  }

  stop(): void {
    this.#environment.clearTimeout(this.#timer);
  }

  #report(status: Status): void {
    if (!this.#send(status)) return;
    this.#last = status;
    this.#lastAt = this.#environment.now();
  }
}

function differs(a: Status, b: Status): boolean {
  if ((a.buffering ?? false) !== (b.buffering ?? false)) return true;
  return (['offsetMs', 'rttMs', 'playLatencyMs', 'seekLatencyMs'] as const).some((field) => {
    const [x, y] = [a[field], b[field]];
    return x === undefined || y === undefined ? x !== y : Math.abs(x - y) > SAME_MS;
  });
}
