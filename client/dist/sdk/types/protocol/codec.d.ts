import type { ClientMessage } from './client.js';
import type { ServerMessage } from './server.js';
/** Encodes a message as JSON. Throws a {@link TandemError} `too_large` over 64 KiB. */
export declare function encode(message: ClientMessage): string;
/**
 * Decodes a message of a gateway. Fields are the gateway's own and are not checked again. Throws a
 * {@link TandemError} `malformed` or `unknown_type`.
 */
export declare function decode(text: string): ServerMessage;
