import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TandemError } from '../src/errors.js';
import { frame, FrameReader, MAX_MESSAGE } from '../src/protocol/index.js';
import { seeded } from './fake-time.js';

/** What a reader makes of pieces, as texts. */
function read(pieces: readonly Uint8Array[]): { texts: string[]; partial: boolean } {
  const texts: string[] = [];
  const reader = new FrameReader((bytes) => texts.push(new TextDecoder().decode(bytes)));
  for (const piece of pieces) reader.push(piece);
  return { texts, partial: reader.partial };
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((p) => [...p]));
}

const texts = ['{"type":"probe","t1":1}', '', 'ä🎬', '{}', 'x'.repeat(300)];
const stream = concat(texts.map(frame));

describe('a frame', () => {
  it('is the length in four bytes, big-endian, and the text in UTF-8', () => {
    assert.deepEqual([...frame('é!')], [0, 0, 0, 3, 0xc3, 0xa9, 0x21]);
  });

  it('has at most 64 KiB', () => {
    assert.equal(frame('x'.repeat(MAX_MESSAGE)).length, MAX_MESSAGE + 4);
    assert.equal(frame('é'.repeat(MAX_MESSAGE / 2)).length, MAX_MESSAGE + 4);
    for (const text of ['x'.repeat(MAX_MESSAGE + 1), 'é'.repeat(MAX_MESSAGE / 2) + 'x']) {
      assert.throws(() => frame(text), (e: TandemError) => e.code === 'too_large');
    }
  });
});

describe('a stream of frames', () => {
  it('is read alike wherever it is split in two', () => {
    for (let at = 0; at <= stream.length; at++) {
      assert.deepEqual(read([stream.subarray(0, at), stream.subarray(at)]), { texts, partial: false }, `at ${at}`);
    }
  });

  it('is read alike in pieces of any size', () => {
    for (let size = 1; size < 20; size++) {
      const pieces = [];
      for (let at = 0; at < stream.length; at += size) pieces.push(stream.subarray(at, at + size));
      assert.deepEqual(read(pieces), { texts, partial: false }, `by ${size}`);
    }
  });

  it('is read alike in random pieces', () => {
    const random = seeded(4);
    for (let run = 0; run < 200; run++) {
      const pieces = [];
      for (let at = 0, size = 0; at < stream.length; at += size) {
        size = Math.floor(random() * 40);
        pieces.push(stream.subarray(at, at + size));
      }
      assert.deepEqual(read(pieces), { texts, partial: false });
    }
  });

  it('that ends early says so', () => {
    const ends = new Set([0]);
    for (const text of texts) ends.add([...ends].at(-1)! + frame(text).length);
    for (let at = 0; at <= stream.length; at++) {
      assert.equal(read([stream.subarray(0, at)]).partial, !ends.has(at), `at ${at}`);
    }
  });

  it('is refused at the length of a message that is too large, before any of it is held', () => {
    const largest = frame('x'.repeat(MAX_MESSAGE));
    assert.equal(read([largest]).texts[0]?.length, MAX_MESSAGE);
    for (const header of [[0, 1, 0, 1], [0xff, 0xff, 0xff, 0xff]]) {
      assert.throws(() => read([Uint8Array.from(header)]), (e: TandemError) => e.code === 'too_large');
    }
  });

  it('hands on what came before such a message', () => {
    const heard: number[] = [];
    const reader = new FrameReader((bytes) => heard.push(bytes.length));
    assert.throws(() => reader.push(concat([frame('ab'), Uint8Array.of(1, 0, 0, 0)])));
    assert.deepEqual(heard, [2]);
  });
});
