import type { ClockReading, NewTimeline } from './server.js';
/** A probe's datagram. */
export declare function encodeProbe(t1: number): Uint8Array<ArrayBuffer>;
/** Decodes a datagram of a gateway; undefined when its type is of a later version. Throws `malformed`. */
export declare function decodeDatagram(bytes: Uint8Array): ClockReading | NewTimeline | undefined;
