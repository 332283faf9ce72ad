/**
 * The browser SDK of tandem: be in a room, and keep a video where the room is.
 *
 * ```js
 * import { joinRoom, synchronise } from 'https://tandem.example/sdk/v1/tandem.js';
 *
 * const room = await joinRoom({ room: '7Q2K-9XHF-3BTW', name: 'Ann' });
 * synchronise(document.querySelector('video'), room, { userControls: true });
 * ```
 *
 * @module
 */
export { createRoom, joinRoom, lookUpRoom } from './create.js';
export type { CreateOptions, JoinOptions, RoomInfo, ServerOptions } from './create.js';
export type { ClusterTime } from './clock.js';
export type { DatagramsLike, Environment, KeyValueStore, Timer, WebSocketLike, WebTransportLike } from './environment.js';
export { TandemError } from './errors.js';
export type { LocalErrorCode } from './errors.js';
export { CloseCode, MAX_QUEUE, formatRoomCode, parseRoomCode, positionAt } from './protocol/index.js';
export type {
  BannedMember,
  ChatLine,
  ErrorCode,
  EventType,
  Gate,
  History,
  IceServer,
  LeaveReason,
  Media,
  Member,
  Presence,
  QueueItem,
  Reaction,
  Role,
  RoomEvent,
  Settings,
  Signal,
  Status,
  Subtitle,
  Timeline,
  TimelineCause,
  UnqueueReason,
} from './protocol/index.js';
export { synchronise } from './player/synchronise.js';
export type { Synchronised } from './player/synchronise.js';
export type { SyncedRoom, SyncOptions, SyncStats } from './player/types.js';
export type { AttachedPlayer, ListenOptions, NextOptions, PlayOptions, Room, RoomEvents, TransportInfo } from './room.js';
export type { ConnectionInfo } from './session.js';
export { mayControl, mayModerate, ownMember } from './state.js';
export type { RoomState } from './state.js';
export type { TransportKind } from './transport.js';
