import type { Events } from './protocol/index.js';

/** What to do with a range of events. */
export type Admission =
  /** Nothing in it is new. */
  | { readonly kind: 'seen' }
  /** It continues the log; the events are those not seen before. */
  | { readonly kind: 'new'; readonly events: Events }
  /** Something before it is missing: resume. */
  | { readonly kind: 'hole' };

/** How far a client has read a room's log. Numbers are consecutive; a higher epoch opens with a snapshot. */
export class LogCursor {
  #epoch = 0;
  #number = 0;

  get epoch(): number {
    return this.#epoch;
  }

  /** The last number seen; 0 before any. */
  get number(): number {
    return this.#number;
  }

  /** Stands where a snapshot does. False when the snapshot is older than what was already seen. */
  jump(epoch: number, number: number): boolean {
    if (epoch < this.#epoch || (epoch === this.#epoch && number < this.#number)) return false;
    this.#epoch = epoch;
    this.#number = number;
    return true;
  }

  /** Forgets everything, as a fresh seat has seen nothing. */
  reset(): void {
    this.#epoch = 0;
    this.#number = 0;
  }

  /** Judges a range of events and, if it continues the log, moves past it. */
  admit(range: Events): Admission {
    if (range.epoch < this.#epoch) return { kind: 'seen' };
    if (range.epoch > this.#epoch) return { kind: 'hole' };
    if (range.last <= this.#number) return { kind: 'seen' };
    if (range.first > this.#number + 1) return { kind: 'hole' };
    const seen = this.#number;
    this.#number = range.last;
    return { kind: 'new', events: { ...range, first: seen + 1, events: range.events.filter((e) => e.number > seen) } };
  }
}
