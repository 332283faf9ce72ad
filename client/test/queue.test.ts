import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Media, Timeline } from '../src/protocol/index.js';
import { CLUSTER_OFFSET, emptySnapshot } from './fake-server.js';
import { joinedRoom, newRoom, watchPromise } from './rooms.js';

const film: Media = { kind: 'url', url: 'https://media.example/film.mp4' };
const item = (id: number) => ({ id, media: film, member: 'm_ben', name: 'Ben' });

/** A room that has joined a gateway whose snapshot has this queue. */
async function queuedRoom(timeline: Partial<Timeline> = {}) {
  const made = newRoom();
  const room = { ...emptySnapshot, mediaNumber: 7, queue: [item(4), item(6)], timeline: { ...emptySnapshot.timeline, ...timeline } };
  made.server.onMessage = (socket, { type }) => type === 'hello' && socket.tell(made.server.welcome({ number: 9, room }));
  const joined = made.room.join();
  await made.time.advance(100);
  await joined;
  made.server.onMessage = undefined;
  return made;
}

describe('the queue', () => {
  it('comes with the snapshot, and follows the events', async () => {
    const { time, server, room } = await queuedRoom();
    assert.deepEqual(room.state.queue.map((q) => q.id), [4, 6]);
    assert.equal(room.state.mediaNumber, 7);
    const at = CLUSTER_OFFSET;
    server.last.tell({
      type: 'events', epoch: 1, first: 10, last: 13, events: [
        { number: 10, at, type: 'queued', queued: { item: item(10), index: 0 } },
        { number: 11, at, type: 'moved', moved: { item: 4, index: 2 } },
        { number: 12, at, type: 'unqueued', unqueued: { item: 6, reason: 'played' } },
        { number: 13, at, type: 'media', media: film },
      ],
    });
    await time.advance(20);
    assert.deepEqual(room.state.queue.map((q) => q.id), [10, 4]);
    assert.equal(room.state.mediaNumber, 13);
  });

  it('is empty in the snapshot of a gateway that has none', async () => {
    const { room } = await joinedRoom();
    assert.deepEqual(room.state.queue, []);
    assert.equal(room.state.mediaNumber, 0);
  });

  it('is gone on from the media that is shown, when all are ready if it plays', async () => {
    for (const [timeline, options, sent] of [
      [{ playing: true }, {}, { after: 7, wait: true }],
      [{ playing: false }, {}, { after: 7 }],
      [{ playing: false }, { play: true }, { after: 7, play: true, wait: true }],
      [{ playing: true }, { play: false }, { after: 7, play: false }],
      [{ playing: true }, { wait: false, item: 6 }, { after: 7, item: 6 }],
      [{ playing: true }, { after: 5 }, { after: 5, wait: true }],
    ] as const) {
      const { time, server, room } = await queuedRoom(timeline);
      void room.next(options);
      await time.advance(20);
      assert.deepEqual(server.last.take('next'), [{ type: 'next', id: 1, ...sent }]);
    }
  });

  it('tells that it is full', async () => {
    const { time, server, room } = await queuedRoom();
    const added = watchPromise(room.enqueue(film));
    await time.advance(20);
    server.last.tell({ type: 'error', id: 1, code: 'queue_full', message: 'the queue is full' });
    await time.advance(20);
    assert.equal(added.outcome, 'queue_full');
  });
});

describe('servers for WebRTC', () => {
  it('are those of the newest welcome, there before anybody hears of it', async () => {
    const { time, server, room } = newRoom();
    const [first, second] = ['first', 'second'].map((credential) => [{ urls: ['turn:turn.example'], username: '1:m_ann', credential }]);
    assert.deepEqual(room.iceServers, []);
    let heard: unknown;
    room.on('state', () => (heard ??= room.iceServers));
    server.onMessage = (socket, m) => {
      if (m.type === 'hello') socket.tell(server.welcome(m.resume ? { room: undefined as never, iceServers: second! } : { iceServers: first! }));
    };
    const joined = room.join();
    await time.advance(100);
    await joined;
    assert.deepEqual([room.iceServers, heard], [first, first]);
    server.last.end();
    await time.advance(2_000);
    assert.deepEqual(room.iceServers, second);
  });
});
