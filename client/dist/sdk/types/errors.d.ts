import type { ErrorCode } from './protocol/index.js';
/** Why the client itself gave up, beside the gateway's codes. */
export type LocalErrorCode = 
/** The room was left or closed before an answer came: the command may or may not be done. */
'closed'
/** More than 64 commands are unanswered. Nothing was sent. */
 | 'too_many_commands'
/** No answer in time. */
 | 'timeout'
/** The caller's signal was aborted. */
 | 'aborted';
/** Every rejection of the SDK is one of these: branch on `code`, show `message`. */
export declare class TandemError extends Error {
    readonly code: ErrorCode | LocalErrorCode;
    /** How long to wait before trying again, in milliseconds; absent when there is no such time. */
    readonly retryAfterMs?: number | undefined;
    readonly name = "TandemError";
    constructor(code: ErrorCode | LocalErrorCode, message: string, 
    /** How long to wait before trying again, in milliseconds; absent when there is no such time. */
    retryAfterMs?: number | undefined);
}
