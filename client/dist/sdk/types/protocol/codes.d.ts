/** The protocol version that this client speaks. */
export declare const VERSION = 1;
/** What a WebSocket client asks for on `/v1/ws`. */
export declare const SUBPROTOCOL = "tandem.v1";
/** The largest message in bytes, in either direction. */
export declare const MAX_MESSAGE: number;
/** How many commands may be unanswered at once. */
export declare const MAX_IN_FLIGHT = 64;
/** The most chat lines that one history request returns. */
export declare const MAX_HISTORY = 100;
/** The greatest position in seconds. */
export declare const MAX_POSITION = 10000000;
/** How many items a queue holds. */
export declare const MAX_QUEUE = 100;
/** The range of playback rates. */
export declare const MIN_RATE = 0.25;
export declare const MAX_RATE = 4;
/** Why a gateway refused something. The codes are stable; the message beside one is for people. */
export type ErrorCode = 'malformed' | 'too_large' | 'unknown_type' | 'invalid' | 'hello_expected' | 'hello_repeated' | 'unsupported_version' | 'room_not_found' | 'room_full' | 'room_locked' | 'pin_required' | 'pin_invalid' | 'pin_throttled' | 'banned' | 'seat_unknown' | 'forbidden' | 'not_found' | 'queue_full' | 'command_reused' | 'command_stale' | 'rate_limited' | 'unavailable' | 'unknown' | 'internal';
/** Why a session ended: WebSocket application close codes, on every transport. */
export declare const CloseCode: {
    readonly normal: 1000;
    /** The connection broke; no gateway said why. */
    readonly abnormal: 1006;
    readonly restart: 4000;
    readonly overflow: 4001;
    readonly silent: 4002;
    readonly helloTimeout: 4003;
    readonly unavailable: 4004;
    readonly rateLimited: 4005;
    readonly internal: 4006;
    readonly protocol: 4500;
    readonly tooLarge: 4501;
    readonly version: 4502;
    readonly replaced: 4503;
    readonly removed: 4504;
    readonly banned: 4505;
    readonly refused: 4506;
    readonly expired: 4507;
};
/** What a client does after a session was closed. */
export type AfterClose = 
/** Connect again and resume the seat. */
'resume'
/** Connect again, without the seat: it is gone. */
 | 'rejoin'
/** Stay away. */
 | 'stop';
/**
 * The retry policy: 4000 to 4499 connect again, 4500 to 4999 do not, except that a seat which is gone asks for a
 * hello without it. A connection that broke without a word (1001, 1006, …) connects again.
 */
export declare function afterClose(code: number): AfterClose;
