import { TandemError } from '../errors.js';
import { MAX_POSITION, MAX_RATE, MIN_RATE } from './codes.js';
import type { ClockReading, NewTimeline } from './server.js';

/** The first byte of a datagram. All numbers in datagrams are big-endian. */
const PROBE = 1;
const CLOCK = 2;
const TIMELINE = 3;

const PROBE_SIZE = 1 + 8;
const CLOCK_SIZE = 1 + 3 * 8;
const TIMELINE_SIZE = 1 + 8 + 8 + 1 + 8 + 8 + 8;

/** A probe's datagram. */
export function encodeProbe(t1: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PROBE_SIZE);
  bytes[0] = PROBE;
  new DataView(bytes.buffer).setBigInt64(1, BigInt(t1));
  return bytes;
}

/** Decodes a datagram of a gateway; undefined when its type is of a later version. Throws `malformed`. */
export function decodeDatagram(bytes: Uint8Array): ClockReading | NewTimeline | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (bytes[0]) {
    case CLOCK:
      if (bytes.length !== CLOCK_SIZE) break;
      return { type: 'clock', t1: int64(view, 1), t2: int64(view, 9), t3: int64(view, 17) };
    case TIMELINE: {
      if (bytes.length !== TIMELINE_SIZE) break;
      const position = view.getFloat64(18);
      const rate = view.getFloat64(26);
      if (!(position >= 0 && position <= MAX_POSITION && rate >= MIN_RATE && rate <= MAX_RATE)) break;
      const playing = (view.getUint8(17) & 1) !== 0;
      const timeline = { position, rate, playing, at: int64(view, 34), number: uint64(view, 9) };
      return { type: 'timeline', epoch: uint64(view, 1), timeline };
    }
    case PROBE:
    case undefined:
      break;
    default:
      return undefined;
  }
  throw new TandemError('malformed', 'the gateway sent a datagram that is none of the protocol');
}

function int64(view: DataView, at: number): number {
  return exact(view.getBigInt64(at));
}

function uint64(view: DataView, at: number): number {
  return exact(view.getBigUint64(at));
}

/** What a number of JavaScript cannot hold exactly comes from no gateway. */
function exact(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new TandemError('malformed', 'the gateway sent a datagram with a number over 53 bits');
}
