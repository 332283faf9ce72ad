import { platform } from '../environment.js';
import { elementPlayer } from './player.js';
import { Synchroniser } from './synchroniser.js';
import type { SyncedRoom, SyncOptions, SyncStats } from './types.js';

/** A media element that is kept where its room is. */
export interface Synchronised {
  /** How the player does now. */
  readonly stats: SyncStats;
  /** Plays aloud again after the browser wanted a gesture of the user: call it from a click. */
  unblock(): void;
  /** Lets go of the element, and leaves it as it is. */
  stop(): void;
}

/**
 * Keeps a `<video>` or `<audio>` element where the room is: it starts when all start, pauses and seeks with them, joins
 * late, and corrects what it is off by. The element's `src` stays yours; it may change at any time.
 */
export function synchronise(element: HTMLMediaElement, room: SyncedRoom, options: SyncOptions = {}): Synchronised {
  element.preload = 'auto';
  return new Synchroniser(room, elementPlayer(element), platform, options);
}
