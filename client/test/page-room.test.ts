import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TandemError } from '../src/errors.js';
import type { Media, Role } from '../src/protocol/index.js';
import { emptyRoom, type RoomState } from '../src/state.js';
import { GoOn, lengthOf } from '../app/go-on.js';
import { listenToKeys } from '../app/keyboard.js';
import type { KeyAction } from '../app/keys.js';
import { OwnFile } from '../app/own-file.js';
import { queueNote } from '../app/queue-words.js';

const film: Media = { kind: 'file', title: 'film.mp4', durationMs: 7_200_000 };
const queue: RoomState['queue'] = [{ id: 1, media: { kind: 'clip' }, member: 'a', name: 'Ann' }];
const members = (...roles: Role[]): RoomState['members'] => roles.map((role, i) => ({ id: `m${i}`, name: `M${i}`, role, joinedAt: i }));

test('a copy of another length does not end the film for the others', () => {
  assert.equal(lengthOf(film, 10), 7200, 'a shorter one');
  assert.equal(lengthOf(film, 9000), 9000, 'a longer one');
  assert.equal(lengthOf(film, 7199.5), 7199.5, 'as good as the same');
  assert.equal(lengthOf(film, NaN), 7200, 'none yet');
  assert.equal(lengthOf({ kind: 'file' }, 10), 10);
  assert.equal(lengthOf({ kind: 'url', url: 'https://films.example/f.mp4', durationMs: 1 }, 10), 10);
  assert.ok(Number.isNaN(lengthOf({ kind: 'clip' }, NaN)));
});

/** A room that plays with something in its queue, and takes note of who has it go on. */
function goingOn(mediaNumber: number, refuse: () => boolean = () => false) {
  const room = {
    state: { ...emptyRoom, self: 'm0', queue, mediaNumber, members: members('host'), timeline: { ...emptyRoom.timeline, playing: true } },
    asked: [] as unknown[],
    next(options: unknown): Promise<number> {
      room.asked.push(options);
      return refuse() ? Promise.reject(new TandemError('unavailable', 'not now')) : Promise.resolve(1);
    },
  };
  const clock = { now: 0 };
  const goOn = new GoOn(room, () => clock.now);
  const look = async (over: boolean): Promise<number> => {
    goOn.look(over);
    await new Promise((done) => setImmediate(done));
    return room.asked.length;
  };
  return { room, clock, look };
}

test('at the end the room goes on once, from the first showing on', async () => {
  const { room, look } = goingOn(0);
  assert.equal(await look(false), 0);
  assert.equal(await look(true), 1);
  assert.equal(await look(true), 1);
  assert.deepEqual(room.asked, [{ after: 0, play: true }]);
  room.state = { ...room.state, mediaNumber: 1 };
  assert.equal(await look(true), 2);
  // Somebody went back in it, and it ends once more.
  assert.equal(await look(false), 2);
  assert.equal(await look(true), 3);
});

test('who may not, does not have the room go on', async () => {
  const { room, look } = goingOn(1);
  room.state = { ...room.state, members: members('guest'), settings: { ...room.state.settings, guestControl: false } };
  assert.equal(await look(true), 0);
  room.state = { ...room.state, members: members('host'), queue: [] };
  assert.equal(await look(true), 0);
});

test('when the room cannot go on it is tried again, after a pause', async () => {
  let refusing = true;
  const { clock, look } = goingOn(3, () => refusing);
  assert.equal(await look(true), 1);
  clock.now = 4_999;
  assert.equal(await look(true), 1);
  clock.now = 5_000;
  refusing = false;
  assert.equal(await look(true), 2);
  clock.now = 60_000;
  assert.equal(await look(true), 2);
});

test('the queue says whom it waits for', () => {
  const settings = { ...emptyRoom.settings, guestControl: false };
  const room: RoomState = { ...emptyRoom, settings, queue, host: 'm0', members: members('host', 'guest'), memberCount: 2 };
  const away: RoomState['presence'] = new Map([['m0', { member: 'm0', away: true }]]);
  assert.equal(queueNote(room), '');
  assert.match(queueNote({ ...room, presence: away }), /host or a moderator/);
  assert.equal(queueNote({ ...room, presence: away, queue: [] }), '');
  assert.equal(queueNote({ ...room, presence: away, settings: { ...settings, guestControl: true } }), '', 'everybody may');
  assert.equal(queueNote({ ...room, presence: away, members: members('host', 'moderator') }), '');
  assert.equal(queueNote({ ...room, presence: away, memberCount: 200 }), '', 'nobody knows all');
});

test('a file is played until the room has agreed to another', () => {
  const revoked: string[] = [];
  const own = new OwnFile((address) => revoked.push(address));
  const other: Media = { kind: 'file', title: 'other.mp4' };
  own.take('blob:1', film);
  own.show(film);
  own.offer('blob:2', other);
  assert.equal(own.address, 'blob:1');
  own.withdraw('blob:2');
  assert.equal(own.address, 'blob:1');
  assert.deepEqual(revoked, ['blob:2']);

  own.offer('blob:3', other);
  own.show(other);
  assert.equal(own.address, 'blob:3');
  own.withdraw('blob:3');
  assert.equal(own.address, 'blob:3', 'an answer that comes after the change');
  assert.deepEqual(revoked, ['blob:2', 'blob:1']);

  own.offer('blob:4', film);
  own.offer('blob:5', film);
  own.show({ kind: 'clip' });
  assert.equal(own.address, undefined);
  own.show(film);
  assert.equal(own.address, 'blob:5', 'somebody else was first');
  own.forget();
  assert.deepEqual(revoked, ['blob:2', 'blob:1', 'blob:4', 'blob:3', 'blob:5']);
});

test('a key that is held down does once what everybody sees', () => {
  class Place extends EventTarget {
    readonly tagName = 'BODY';
    querySelector = (): null => null;
  }
  const place = new Place();
  const [element, input] = [class extends EventTarget {}, class extends EventTarget {}];
  Object.defineProperty(element, Symbol.hasInstance, { value: (it: unknown) => it === place });
  Object.assign(globalThis, { document: place, Element: element, HTMLInputElement: input });
  const over = new AbortController();
  const done: string[] = [];
  const run = new Proxy({} as Record<KeyAction, () => void>, { get: (_, action) => () => done.push(String(action)) });
  listenToKeys(run, over.signal);
  for (const key of [' ', 'k', 'ArrowLeft', 'l', 'm', 'f', 'ArrowUp', 'ArrowDown']) {
    for (const repeat of [false, true, true]) {
      const event = Object.assign(new Event('keydown', { cancelable: true }), { key, repeat, ctrlKey: false, metaKey: false, altKey: false });
      place.dispatchEvent(event);
      assert.ok(event.defaultPrevented, `${key} would scroll the page`);
    }
  }
  over.abort();
  const louder = ['louder', 'louder', 'louder', 'quieter', 'quieter', 'quieter'];
  assert.deepEqual(done, ['play', 'play', 'back', 'farForward', 'mute', 'fullscreen', ...louder]);
});
