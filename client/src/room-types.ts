import type { TandemError } from './errors.js';
import type { ChatLine, Reaction, RoomEvent, Signal } from './protocol/index.js';
import type { ConnectionInfo } from './session.js';
import type { RoomState } from './state.js';
import type { TransportKind } from './transport.js';

/** What carries the messages. */
export interface TransportInfo {
  readonly transport: TransportKind;
  readonly url: string;
  /** The transport, and why it is this one, for people: such as `WebSocket: UDP did not get through`. */
  readonly why: string;
}

/** What a room tells. */
export interface RoomEvents {
  /** The state has changed. */
  state: RoomState;
  /** The connection has changed. */
  connection: ConnectionInfo;
  /** Messages go by another transport or address than before, or for another reason. At first: `onTransport`. */
  transport: TransportInfo;
  /** An entry of the log was applied; `state` already shows it. */
  event: RoomEvent;
  /** A new line of chat. */
  chat: ChatLine;
  reaction: Reaction;
  signal: Signal;
  /** Something was refused that no promise waits for, such as too many reactions. */
  error: TandemError;
}

/** How long to listen. */
export interface ListenOptions {
  /** Stops listening when it is aborted, as with `addEventListener`. */
  readonly signal?: AbortSignal | undefined;
}

/** A player that the room's commands take into account. */
export interface AttachedPlayer {
  /** Whether it could play from that position at once. */
  canPlayAt(position: number): boolean;
  /** Stops it where it is until `release`, ahead of the gateway's answer. `position` is absent when it stood still. */
  freeze(): { readonly position?: number; release(): void };
}

/** Where to play from, and whether to wait. */
export interface PlayOptions {
  /** Seconds; without it, from where the timeline stands. */
  readonly position?: number;
  /** Open a ready gate first; without it, the room decides (see {@link Room.play}). */
  readonly wait?: boolean;
}

/** Where to go on to, and how. */
export interface NextOptions {
  /** An item of the queue; without it, the first. */
  readonly item?: number;
  /** Which media is over: `state.mediaNumber` of then; without it, what the room watches now. */
  readonly after?: number;
  /** Whether to play it; without it, the room goes on as it was. */
  readonly play?: boolean;
  /** Open a ready gate first; without it, yes: nobody can have buffered it. */
  readonly wait?: boolean;
}
