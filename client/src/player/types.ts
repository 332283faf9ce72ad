import type { ClusterTime } from '../clock.js';
import type { Status } from '../protocol/index.js';
import type { AttachedPlayer } from '../room.js';
import type { RoomState } from '../state.js';
import type { Step } from './decide.js';
import type { Blocked } from './start.js';

/**
 * What the synchroniser needs of a room. A `Room` has it all; where the room lives elsewhere, in the service worker of
 * an extension for instance, something that passes these on takes its place.
 */
export interface SyncedRoom {
  readonly state: Pick<RoomState, 'self' | 'timeline' | 'gate'>;
  readonly clock: ClusterTime;
  on(event: 'state', listener: () => void): () => void;
  attachPlayer(player: AttachedPlayer): () => void;
  play(options?: { position?: number }): Promise<number>;
  pause(position?: number): Promise<number>;
  seek(position: number): Promise<number>;
  ready(gate: number): Promise<number>;
  report(status: Status): boolean;
}

export interface SyncOptions {
  /** Takes play, pause and seek on the player's own controls for commands to the room. */
  readonly userControls?: boolean;
  /**
   * The browser wants a gesture of the user before it plays aloud. `muted` says that it plays without sound meanwhile;
   * otherwise it stands. Call `unblock()` from a click.
   */
  readonly onBlocked?: (blocked: { readonly muted: boolean }) => void;
}

/** How the player does. */
export interface SyncStats {
  /** What it is doing. */
  readonly doing: Step['do'];
  /** How far it is off the timeline in milliseconds, positive is ahead, as last measured; absent when it does not play. */
  readonly offsetMs: number | undefined;
  /** It wants to play and has no data. */
  readonly buffering: boolean;
  /** The browser wants a gesture of the user: nothing is heard (`silent`), or nothing plays (`stopped`). */
  readonly blocked: Blocked;
  /** By how much it plays faster or slower than the timeline just now: 1 when it is not being corrected. */
  readonly factor: number;
  /** What this device takes to play and to seek, in milliseconds. */
  readonly playLatencyMs: number;
  readonly seekLatencyMs: number;
}
