import { mayControl, type Media, type Room } from '@tandem.watch/client';
import { lengthsDiffer } from './media-words.js';

/** After a refusal it is not asked again for so long. */
const PAUSE_MS = 5_000;

/**
 * How long the room's media plays, in seconds; NaN when nobody knows. One's own copy of a file may be another cut, and must
 * not end it for the others: then the longer one counts.
 *
 * @param own the duration of what plays here, in seconds.
 */
export function lengthOf({ kind, durationMs }: Media, own: number): number {
  if (kind !== 'file' || durationMs === undefined) return own;
  if (Number.isNaN(own)) return durationMs / 1000;
  return lengthsDiffer(own * 1000, durationMs) ? Math.max(own, durationMs / 1000) : own;
}

/** Has the room go on to whatever comes next when a media is over. Everybody who may control says so; the room hears it once. */
export class GoOn {
  readonly #room: Pick<Room, 'state' | 'next'>;
  readonly #now: () => number;
  /** The showing whose end was told to the room. */
  #told = -1;
  #notBefore = -Infinity;

  constructor(room: Pick<Room, 'state' | 'next'>, now: () => number = () => performance.now()) {
    this.#room = room;
    this.#now = now;
  }

  /** @param over the media is at its end. */
  look(over: boolean): void {
    const { timeline, queue, mediaNumber } = this.#room.state;
    if (!over) this.#told = -1;
    if (!over || !timeline.playing || queue.length === 0 || !mayControl(this.#room.state)) return;
    if (this.#told === mediaNumber || this.#now() < this.#notBefore) return;
    this.#told = mediaNumber;
    this.#room.next({ after: mediaNumber, play: true }).catch(() => {
      // The button is still there, and it is tried again after a while.
      this.#notBefore = this.#now() + PAUSE_MS;
      if (this.#told === mediaNumber) this.#told = -1;
    });
  }
}
