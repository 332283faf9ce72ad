/** The protocol version that this client speaks. */
export const VERSION = 1;

/** What a WebSocket client asks for on `/v1/ws`. */
export const SUBPROTOCOL = 'tandem.v1';

/** The largest message in bytes, in either direction. */
export const MAX_MESSAGE = 64 * 1024;

/** How many commands may be unanswered at once. */
export const MAX_IN_FLIGHT = 64;

/** The most chat lines that one history request returns. */
export const MAX_HISTORY = 100;

/** The greatest position in seconds. */
export const MAX_POSITION = 10_000_000;

/** How many items a queue holds. */
export const MAX_QUEUE = 100;

/** The range of playback rates. */
export const MIN_RATE = 0.25;
export const MAX_RATE = 4;

/** Why a gateway refused something. The codes are stable; the message beside one is for people. */
export type ErrorCode =
  // The message itself.
  | 'malformed'
  | 'too_large'
  | 'unknown_type'
  | 'invalid'
  | 'hello_expected'
  | 'hello_repeated'
  | 'unsupported_version'
  // Entering a room.
  | 'room_not_found'
  | 'room_full'
  | 'room_locked'
  | 'pin_required'
  | 'pin_invalid'
  | 'pin_throttled'
  | 'banned'
  | 'seat_unknown'
  // Commands.
  | 'forbidden'
  | 'not_found'
  | 'queue_full'
  | 'command_reused'
  | 'command_stale'
  // The gateway.
  | 'rate_limited'
  | 'unavailable'
  | 'unknown'
  | 'internal';

/** Why a session ended: WebSocket application close codes, on every transport. */
export const CloseCode = {
  normal: 1000,
  /** The connection broke; no gateway said why. */
  abnormal: 1006,

  restart: 4000,
  overflow: 4001,
  silent: 4002,
  helloTimeout: 4003,
  unavailable: 4004,
  rateLimited: 4005,
  internal: 4006,

  protocol: 4500,
  tooLarge: 4501,
  version: 4502,
  replaced: 4503,
  removed: 4504,
  banned: 4505,
  refused: 4506,
  expired: 4507,
} as const;

/** What a client does after a session was closed. */
export type AfterClose =
  /** Connect again and resume the seat. */
  | 'resume'
  /** Connect again, without the seat: it is gone. */
  | 'rejoin'
  /** Stay away. */
  | 'stop';

/**
 * The retry policy: 4000 to 4499 connect again, 4500 to 4999 do not, except that a seat which is gone asks for a
 * hello without it. A connection that broke without a word (1001, 1006, …) connects again.
 */
export function afterClose(code: number): AfterClose {
  if (code === CloseCode.expired) return 'rejoin';
  if (code === CloseCode.normal || code >= 4500) return 'stop';
  return 'resume';
}
