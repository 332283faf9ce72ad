import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ChatLine, Events, RoomEvent } from '../src/protocol/index.js';
import { emptyRoom, mayControl, mayModerate, reduce, type RoomState } from '../src/state.js';
import { CLUSTER_OFFSET, emptySnapshot, FakeServer } from './fake-server.js';
import { FakeTime } from './fake-time.js';
import { joinedRoom } from './rooms.js';

const welcome = new FakeServer(new FakeTime()).welcome();
const joined = reduce(emptyRoom, welcome);
const ben = { id: 'm_ben', name: 'Ben', role: 'guest' as const, joinedAt: CLUSTER_OFFSET };

function line(number: number): ChatLine {
  return { number, at: CLUSTER_OFFSET, member: 'm_ann', name: 'Ann', text: `line ${number}` };
}

function withEvents(state: RoomState, ...details: Omit<RoomEvent, 'number' | 'at'>[]): RoomState {
  const first = state.number + 1;
  const events = details.map((d, i) => ({ ...d, number: first + i, at: CLUSTER_OFFSET }) as RoomEvent);
  const message: Events = { type: 'events', epoch: 1, first, last: state.number + details.length, events };
  return reduce(state, message);
}

describe('the state', () => {
  it('is the same object when a message tells nothing about the room', () => {
    for (const message of [
      { type: 'ack', id: 1, number: 1 },
      { type: 'clock', t1: 1, t2: 1, t3: 1 },
      { type: 'reaction', member: 'm_ann', reaction: '👍' },
    ] as const) {
      assert.equal(reduce(joined, message), joined);
    }
  });

  it('shares what stayed', () => {
    const after = withEvents(joined, { type: 'chat', chat: { member: 'm_ann', text: 'hi' } } as never);
    assert.notEqual(after, joined);
    assert.equal(after.members, joined.members);
    assert.equal(after.timeline, joined.timeline);
  });

  it('keeps the newest of each member’s presence, until it leaves', () => {
    let state = withEvents(joined, { type: 'joined', joined: ben } as never);
    state = reduce(state, { type: 'presence', members: [{ member: 'm_ben', away: true }] });
    assert.deepEqual(state.presence.get('m_ben'), { member: 'm_ben', away: true });
    state = reduce(state, { type: 'presence', members: [{ member: 'm_ben', buffering: true }] });
    assert.deepEqual(state.presence.get('m_ben'), { member: 'm_ben', buffering: true });
    state = reduce(state, { type: 'typing', member: 'm_ben', on: true });
    state = withEvents(state, { type: 'left', left: { member: 'm_ben', reason: 'left' } } as never);
    assert.equal(state.presence.size, 0);
    assert.deepEqual(state.typing, []);
    assert.equal(state.memberCount, 1);
  });

  it('names a line of chat by who wrote it, as it was called then', () => {
    let state = withEvents(joined, { type: 'chat', chat: { member: 'm_ann', text: 'one' } } as never);
    state = withEvents(state, { type: 'renamed', renamed: { member: 'm_ann', name: 'Anna' } } as never);
    state = withEvents(state, { type: 'chat', chat: { member: 'm_ann', text: 'two' } } as never);
    assert.deepEqual(state.chat.map((l) => l.name), ['Ann', 'Anna']);
  });

  it('adds the further members of a large room', () => {
    const large = reduce(joined, { ...welcome, room: { ...emptySnapshot, memberCount: 3 } });
    const state = reduce(large, { type: 'members', members: [ben, ...emptySnapshot.members] });
    assert.deepEqual(state.members.map((m) => m.id), ['m_ann', 'm_ben']);
    assert.equal(state.memberCount, 3);
  });

  it('survives an event of a later version', () => {
    const after = withEvents(joined, { type: 'fireworks', fireworks: {} } as never);
    assert.deepEqual({ ...after, number: 0 }, { ...joined, number: 0 });
  });

  it('knows what the own role allows', () => {
    assert.ok(mayControl(joined) && mayModerate(joined));
    const guest = { ...joined, self: 'm_ben', members: [...joined.members, ben] };
    assert.ok(mayControl(guest) && !mayModerate(guest));
    assert.ok(!mayControl({ ...guest, settings: { ...guest.settings, guestControl: false } }));
  });
});

describe('chat history', () => {
  const held: RoomState = { ...joined, chat: [line(20), line(25)] };

  it('goes in front of what is held', () => {
    const state = reduce(held, { type: 'history', lines: [line(10), line(12)], more: true });
    assert.deepEqual(state.chat.map((l) => l.number), [10, 12, 20, 25]);
    assert.equal(state.olderChat, true);
    const end = reduce(state, { type: 'history', lines: [line(3)], more: false });
    assert.equal(end.olderChat, false);
  });

  it('that overlaps is merged', () => {
    const state = reduce(held, { type: 'history', lines: [line(25), line(30)], more: true });
    assert.deepEqual(state.chat.map((l) => l.number), [20, 25, 30]);
  });

  it('that does not reach what is held leaves no gap', () => {
    const state = reduce({ ...held, olderChat: false }, { type: 'history', lines: [line(40), line(41)], more: true });
    assert.deepEqual(state.chat.map((l) => l.number), [40, 41]);
    assert.equal(state.olderChat, true);
  });

  it('that is empty ends the search', () => {
    assert.equal(reduce(joined, { type: 'history', lines: [], more: false }).olderChat, false);
    assert.equal(reduce(held, { type: 'history', lines: [], more: false }).olderChat, false);
  });

  it('is bounded as new lines come', () => {
    const chat = Array.from({ length: 1_000 }, (_, i) => line(i + 1));
    const state = withEvents({ ...joined, number: 1_000, chat, olderChat: false }, {
      type: 'chat',
      chat: { member: 'm_ann', text: 'new' },
    } as never);
    assert.equal(state.chat.length, 1_000);
    assert.equal(state.chat[0]?.number, 2);
    assert.equal(state.olderChat, true);
  });
});

describe('a room', () => {
  it('fetches the newest chat on entering, and older chat when asked', async () => {
    const { time, server, room } = await joinedRoom();
    assert.deepEqual(server.last.take('history'), [{ type: 'history', limit: 50 }]);
    server.last.tell({ type: 'history', lines: [line(20)], more: true });
    await time.advance(20);
    const older = room.history(10);
    assert.equal(room.history(), older);
    await time.advance(20);
    assert.deepEqual(server.last.take('history'), [{ type: 'history', before: 20, limit: 10 }]);
    server.last.tell({ type: 'history', lines: [line(7)], more: false });
    await time.advance(20);
    assert.deepEqual((await older).lines, [line(7)]);
    assert.deepEqual(room.state.chat, [line(7), line(20)]);
  });

  it('forgets who typed and fell silent', async () => {
    const { time, server, room } = await joinedRoom();
    server.last.tell({ type: 'typing', member: 'm_ben', on: true });
    await time.advance(5_000);
    assert.deepEqual(room.state.typing, ['m_ben']);
    server.last.tell({ type: 'typing', member: 'm_ben', on: true });
    await time.advance(5_000);
    assert.deepEqual(room.state.typing, ['m_ben']);
    await time.advance(2_000);
    assert.deepEqual(room.state.typing, []);
  });

  it('tells everybody who listens, until they stop, and survives one that throws', async () => {
    const { time, server, room } = await joinedRoom();
    const heard: string[] = [];
    const stop = room.subscribe((state) => heard.push(`state ${state.typing.length}`));
    room.on('reaction', ({ reaction }) => heard.push(reaction));
    server.last.tell({ type: 'typing', member: 'm_ben', on: true }, { type: 'reaction', member: 'm_ben', reaction: '👍' });
    await time.advance(20);
    stop();
    server.last.tell({ type: 'typing', member: 'm_ben', on: false });
    await time.advance(20);
    assert.deepEqual(heard, ['state 0', 'state 1', '👍']);
  });

  it('waits for the members at the start of the media, and where the player has no data', async () => {
    const { time, server, room } = await joinedRoom();
    const commands = async (): Promise<unknown[]> => {
      await time.advance(20);
      return [...server.last.take('play'), ...server.last.take('seek')].map(({ id: _, ...content }) => content);
    };
    void room.play();
    assert.deepEqual(await commands(), [{ type: 'play', wait: true }]);
    void room.play({ position: 30 });
    assert.deepEqual(await commands(), [{ type: 'play', position: 30 }]);
    const detach = room.attachPlayer({ canPlayAt: (p) => p < 50, freeze: () => ({ release: () => undefined }) });
    void room.play({ position: 60 });
    void room.play({ position: 40 });
    void room.seek(60);
    void room.seek(60, { play: true });
    assert.deepEqual(await commands(), [
      { type: 'play', position: 60, wait: true },
      { type: 'play', position: 40 },
      { type: 'seek', position: 60 },
      { type: 'seek', position: 60, play: true, wait: true },
    ]);
    detach();
    void room.play({ position: 60 });
    assert.deepEqual(await commands(), [{ type: 'play', position: 60 }]);
  });

  it('stops the attached player ahead of the answer, and lets it go with it', async () => {
    const { time, server, room } = await joinedRoom();
    let frozen = 0;
    room.attachPlayer({
      canPlayAt: () => true,
      freeze: () => {
        frozen++;
        return { position: 12.5, release: () => frozen-- };
      },
    });
    const done = room.pause();
    assert.equal(frozen, 1);
    await time.advance(20);
    assert.deepEqual(server.last.take('pause'), [{ type: 'pause', id: 1, position: 12.5 }]);
    server.last.tell({ type: 'error', id: 1, code: 'forbidden', message: 'no' });
    const refused = assert.rejects(done);
    await time.advance(20);
    await refused;
    assert.equal(frozen, 0);
  });
});
