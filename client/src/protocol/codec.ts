import { TandemError } from '../errors.js';
import type { ClientMessage } from './client.js';
import { MAX_MESSAGE } from './codes.js';
import type { ServerMessage } from './server.js';

const SERVER_TYPES: Record<ServerMessage['type'], true> = {
  welcome: true,
  members: true,
  events: true,
  snapshot: true,
  ack: true,
  error: true,
  bye: true,
  clock: true,
  presence: true,
  reaction: true,
  typing: true,
  signal: true,
  history: true,
};

const utf8 = new TextEncoder();

/** Encodes a message as JSON. Throws a {@link TandemError} `too_large` over 64 KiB. */
export function encode(message: ClientMessage): string {
  const text = JSON.stringify(message);
  // A UTF-16 unit makes at most three bytes: only long texts need to be counted.
  if (text.length * 3 > MAX_MESSAGE && utf8.encode(text).length > MAX_MESSAGE) {
    throw new TandemError('too_large', `a message has at most ${MAX_MESSAGE} bytes`);
  }
  return text;
}

/**
 * Decodes a message of a gateway. Fields are the gateway's own and are not checked again. Throws a
 * {@link TandemError} `malformed` or `unknown_type`.
 */
export function decode(text: string): ServerMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TandemError('malformed', 'the gateway sent something that is not JSON');
  }
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  if (typeof type !== 'string') throw new TandemError('malformed', 'the gateway sent a message without a type');
  if (!Object.hasOwn(SERVER_TYPES, type)) {
    throw new TandemError('unknown_type', `the gateway sent a message of the unknown type ${JSON.stringify(type)}`);
  }
  return value as ServerMessage;
}
