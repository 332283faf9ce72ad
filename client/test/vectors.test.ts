import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { LogCursor } from '../src/cursor.js';
import type { TandemError } from '../src/errors.js';
import {
  decode,
  decodeDatagram,
  encode,
  encodeProbe,
  formatRoomCode,
  parseRoomCode,
  positionAt,
  type ClientMessage,
  type Events,
  type Received,
  type RoomSnapshot,
  type ServerMessage,
  type Timeline,
} from '../src/protocol/index.js';
import type { Room } from '../src/room.js';
import { emptyRoom, reduce, type RoomState } from '../src/state.js';
import { joinedRoom, newRoom } from './rooms.js';

interface Vectors {
  client: { name: string; json: ClientMessage }[];
  server: { name: string; json: ServerMessage }[];
  timelines: { name: string; timeline: Timeline; at: number; position: number }[];
  roomCodes: { typed: string; id: string; ok: boolean; shown: string }[];
  reduce: {
    name: string;
    number: number;
    room: RoomSnapshot;
    messages: Events[];
    after: RoomSnapshot;
    afterNumber: number;
  }[];
  datagrams: { name: string; direction: 'client' | 'server'; hex: string; message?: Received }[];
}

// The tests run in client/.
const vectors = JSON.parse(readFileSync('../protocol/testdata/vectors.json', 'utf8')) as Vectors;

describe('messages of a client in the golden vectors', () => {
  for (const { name, json } of vectors.client) {
    it(name, async () => {
      assert.deepEqual(JSON.parse(encode(json)), json);
      if (json.type === 'hello') assert.deepEqual(await helloOf(json), json);
      const say = SAID_BY[json.type];
      if (!say) return;
      const { time, server, room } = await joinedRoom();
      await time.advance(1_000);
      server.last.take('history');
      say(room, json as never);
      await time.advance(50);
      const { id: _, ...content } = json as { id?: number };
      assert.deepEqual(server.last.take(json.type), [{ ...('id' in json && { id: 1 }), ...content }]);
    });
  }
});

describe('messages of a gateway in the golden vectors', () => {
  for (const { name, json } of vectors.server) {
    it(name, () => {
      assert.deepEqual(decode(JSON.stringify(json)), json);
      const before = structuredClone(emptyRoom);
      reduce(deepFreeze(emptyRoom), deepFreeze(json));
      assert.deepEqual(emptyRoom, before);
    });
  }
});

describe('positions on timelines in the golden vectors', () => {
  for (const { name, timeline, at, position } of vectors.timelines) {
    it(name, () => assert.ok(Math.abs(positionAt(timeline, at) - position) <= 1e-6));
  }
});

describe('room codes in the golden vectors', () => {
  for (const { typed, id, ok, shown } of vectors.roomCodes) {
    it(JSON.stringify(typed), () => {
      assert.equal(parseRoomCode(typed), ok ? id : undefined);
      assert.equal(formatRoomCode(ok ? id : typed), shown);
    });
  }
});

describe('rooms after events in the golden vectors', () => {
  for (const { name, number, room, messages, after, afterNumber } of vectors.reduce) {
    it(name, () => {
      let state = reduce(emptyRoom, { type: 'snapshot', epoch: 1, number, room });
      const cursor = new LogCursor();
      cursor.jump(messages[0]?.epoch ?? 1, number);
      for (const message of messages) {
        const admission = cursor.admit(message);
        assert.notEqual(admission.kind, 'hole');
        if (admission.kind === 'new') state = reduce(deepFreeze(state), admission.events);
      }
      assert.deepEqual(snapshotOf(state), snapshotOf(reduce(emptyRoom, { type: 'snapshot', epoch: 1, number: 0, room: after })));
      assert.equal(state.number, afterNumber);
    });
  }
});

describe('datagrams in the golden vectors', () => {
  for (const { name, direction, hex, message } of vectors.datagrams) {
    const bytes = Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
    if (direction === 'server') {
      it(name, () => {
        // In the middle of a larger buffer, as streams hand them out.
        const large = new Uint8Array(bytes.length + 7);
        large.set(bytes, 3);
        const lent = large.subarray(3, 3 + bytes.length);
        if (message) assert.deepEqual(decodeDatagram(lent), message);
        else assert.throws(() => decodeDatagram(lent), (e: TandemError) => e.code === 'malformed');
      });
    } else if (message) {
      it(name, () => assert.deepEqual([...encodeProbe((message as unknown as { t1: number }).t1)], [...bytes]));
    }
  }
});

/** How a user of the SDK says each kind of message; what it says by itself is tested elsewhere. */
const SAID_BY: { [T in ClientMessage['type']]?: (room: Room, m: Extract<ClientMessage, { type: T }>) => unknown } = {
  play: (room, { position, wait = false }) => room.play({ ...(position !== undefined && { position }), wait }),
  pause: (room, { position }) => room.pause(position),
  seek: (room, { position, play, wait = false }) => room.seek(position, { ...(play !== undefined && { play }), wait }),
  rate: (room, { rate }) => room.setRate(rate),
  media: (room, { media }) => room.setMedia(media),
  enqueue: (room, { media, next }) => room.enqueue(media, { ...(next !== undefined && { next }) }),
  unqueue: (room, { item }) => room.unqueue(item),
  move: (room, { item, before }) => room.move(item, before),
  next: (room, { id: _, type: __, wait = false, ...where }) => room.next({ ...where, wait }),
  ready: (room, { gate }) => room.ready(gate),
  chat: (room, { text }) => room.say(text),
  rename: (room, { name }) => room.rename(name),
  settings: (room, { id: _, type: __, ...change }) => room.changeSettings(change),
  transfer: (room, { member }) => room.transferHost(member),
  role: (room, { member, role }) => room.setRole(member, role),
  remove: (room, { member, ban }) => room.remove(member, { ...(ban !== undefined && { ban }) }),
  unban: (room, { member }) => room.unban(member),
  leave: (room) => room.leave(),
  react: (room, { reaction }) => room.react(reaction),
  typing: (room, { on }) => room.typing(on),
  signal: (room, { to, data }) => room.signal(to, data),
  status: (room, { type: _, ...status }) => room.report(status),
};

async function helloOf(hello: Extract<ClientMessage, { type: 'hello' }>): Promise<ClientMessage | undefined> {
  const { time, server, room } = newRoom({
    room: hello.room,
    name: hello.name,
    pin: hello.pin,
    seat: hello.resume?.seat,
  });
  if (hello.resume && hello.resume.number > 0) {
    // Something must have been seen to be resumed from.
    const { epoch, number } = hello.resume;
    server.onMessage = (socket, { type }) => type === 'hello' && socket.tell(server.welcome({ ...hello.resume, epoch, number }));
    room.join().catch(() => undefined);
    await time.advance(100);
    server.last.end();
    await time.advance(400);
  } else {
    room.join().catch(() => undefined);
    await time.advance(100);
  }
  return server.last.take('hello')[0];
}

/** Alike, whatever an absent field is kept as. */
function snapshotOf(state: RoomState): unknown {
  const { id, host, settings, media, mediaNumber, queue, timeline, gate, members, memberCount, banned } = state;
  return { id, host, settings, media, mediaNumber, queue, timeline, gate: gate && { ...gate, ready: gate.ready ?? [] }, members, memberCount, banned };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof Map)) {
    Object.values(Object.freeze(value)).forEach(deepFreeze);
  }
  return value;
}
