import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Events, Member, NewTimeline, RoomEvent, Timeline } from '../src/protocol/index.js';
import { Replica } from '../src/replica.js';
import type { Room } from '../src/room.js';
import { emptyRoom, reduce, type RoomState } from '../src/state.js';
import { CLUSTER_OFFSET, emptySnapshot, type FakeServer } from './fake-server.js';
import { seeded, type FakeTime } from './fake-time.js';
import { datagram, framed } from './fake-webtransport.js';
import { newModernRoom } from './rooms.js';

const member = (n: number): Member => ({ id: `m_${n}`, name: `Member ${n}`, role: 'guest', joinedAt: CLUSTER_OFFSET + n });

function eventsOf(first: number, details: readonly object[], epoch = 1): Events {
  const events = details.map((d, i) => ({ number: first + i, at: CLUSTER_OFFSET + first + i, ...d }) as RoomEvent);
  return { type: 'events', epoch, first, last: first + details.length - 1, events };
}

async function joined(): Promise<{ time: FakeTime; server: FakeServer; room: Room }> {
  const made = newModernRoom();
  made.server.welcomeAll();
  const done = made.room.join();
  await made.time.advance(100);
  await done;
  return made;
}

function timeline(number: number, playing = true, position = number): Timeline {
  return { position, rate: 1, playing, at: CLUSTER_OFFSET + number, number };
}

const gateOf = (room: Room): number | undefined => room.state.gate?.number;

const hint = (t: Timeline, epoch = 1): NewTimeline => ({ type: 'timeline', epoch, timeline: t });

describe('a timeline that comes by datagram', () => {
  it('holds at once, and the event that tells the same changes nothing', async () => {
    const { time, server, room } = await joined();
    const states: RoomState[] = [];
    room.on('state', (state) => states.push(state));
    server.lastSession.tellDatagram(hint(timeline(2)));
    await time.advance(20);
    assert.deepEqual(room.state.timeline, timeline(2));
    assert.equal(room.state.number, 1);
    assert.equal(states.length, 1);
    server.lastSession.tell(eventsOf(2, [{ type: 'timeline', timeline: { ...timeline(2), cause: 'play' } }]));
    await time.advance(20);
    assert.deepEqual(room.state.timeline, timeline(2));
    assert.equal(room.state.number, 2);
  });

  it('is ignored when it is older, known, or of another epoch', async () => {
    const { time, server, room } = await joined();
    server.lastSession.tell(eventsOf(2, [{ type: 'timeline', timeline: { ...timeline(2), cause: 'play' } }, { type: 'chat', chat: { member: 'm_ann', text: 'hi' } }]));
    await time.advance(20);
    const { state } = room;
    for (const t of [hint(timeline(1)), hint(timeline(2, false)), hint(timeline(3, false)), hint(timeline(9), 2), hint(timeline(9), 0)]) {
      server.lastSession.tellDatagram(t);
    }
    await time.advance(20);
    assert.equal(room.state, state);
  });

  it('closes the gate, and older events of the log do not open it again', async () => {
    const { time, server, room } = await joined();
    const gate = (number: number): object => ({ type: 'gate', gate: { number, waiting: ['m_ann'], needed: 1, deadline: CLUSTER_OFFSET } });
    server.lastSession.tell(eventsOf(2, [{ type: 'timeline', timeline: { ...timeline(2, false), cause: 'play' } }, gate(3)]));
    await time.advance(20);
    assert.equal(gateOf(room), 3);
    server.lastSession.tellDatagram(hint(timeline(6)));
    await time.advance(20);
    assert.equal(gateOf(room), undefined);
    server.lastSession.tell(eventsOf(4, [{ type: 'timeline', timeline: { ...timeline(4, false), cause: 'rate' } }, gate(5)]));
    await time.advance(20);
    assert.deepEqual([gateOf(room), room.state.timeline.number], [undefined, 6]);
    server.lastSession.tell(eventsOf(6, [{ type: 'timeline', timeline: { ...timeline(6), cause: 'release' } }, { type: 'timeline', timeline: { ...timeline(7, false), cause: 'play' } }, gate(8)]));
    await time.advance(20);
    assert.equal(gateOf(room), 8);
  });

  it('is forgotten with its epoch', async () => {
    const { time, server, room } = await joined();
    server.lastSession.tellDatagram(hint(timeline(50)));
    await time.advance(20);
    server.lastSession.tell({ type: 'snapshot', epoch: 2, number: 40, room: { ...emptySnapshot, timeline: timeline(39) } });
    await time.advance(20);
    assert.equal(room.state.timeline.number, 39);
  });

  it('stays through a drop, until the log has it', async () => {
    const { time, server, room } = await joined();
    server.lastSession.tellDatagram(hint(timeline(4)));
    await time.advance(20);
    server.lastSession.fail('lost');
    await time.advance(1_000);
    assert.equal(room.connection.state, 'connected');
    assert.deepEqual(server.lastSession.take('hello')[0]?.resume, { seat: 'seat-ann', epoch: 1, number: 1 });
    assert.equal(room.state.timeline.number, 4);
  });
});

describe('a room whose timelines come twice, in any order', () => {
  it('shows the newest that came by either way at any moment, and ends as the log says', async () => {
    for (let seed = 1; seed <= 40; seed++) await anyOrder(seed);
  });
});

/** One random log by a lossy network that repeats and reorders datagrams, beside a stream of any speed. */
async function anyOrder(seed: number): Promise<void> {
  const random = seeded(seed);
  const { time, server, room } = await joined();
  const session = server.lastSession;
  // What every client sees of the log when nothing overtakes anything.
  let log = room.state;
  let newest = log.timeline.number;
  let streamAt = time.now();
  let gate = 0;
  for (let number = 2; number < 60; ) {
    const details: object[] = [];
    for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
      const at = number + details.length;
      const kind = random();
      if (kind < 0.5) {
        details.push({ type: 'timeline', timeline: { ...timeline(at, random() < 0.5, random() * 100), cause: 'seek' } });
      } else if (kind < 0.65) {
        gate = at;
        details.push({ type: 'gate', gate: { number: at, waiting: ['m_ann', 'm_2'], needed: 2, deadline: 0 } });
      } else if (kind < 0.8) details.push({ type: 'ready', ready: { member: random() < 0.5 ? 'm_ann' : 'm_2', gate } });
      else if (kind < 0.9) details.push({ type: 'joined', joined: member(at) });
      else details.push({ type: 'chat', chat: { member: 'm_ann', text: `${at}` } });
    }
    const message = eventsOf(number, details);
    number += details.length;
    log = reduce(log, message);
    // The stream keeps its order, and stalls now and then.
    streamAt = Math.max(streamAt, time.now()) + random() * (random() < 0.2 ? 300 : 30);
    time.schedule(() => {
      session.control.push(framed(message));
      for (const e of message.events) if (e.type === 'timeline') newest = Math.max(newest, e.number);
    }, streamAt - time.now());
    for (const e of message.events) {
      if (e.type !== 'timeline') continue;
      const { cause: _, ...t } = e.timeline;
      for (let copies = Math.floor(random() * 3); copies > 0; copies--) {
        const epoch = random() < 0.1 ? 2 : 1;
        time.schedule(() => {
          session.incoming.push(datagram(hint(t, epoch)));
          if (epoch === 1) newest = Math.max(newest, t.number);
        }, random() * 200);
      }
    }
    for (let steps = random() * 10; steps > 0; steps--) {
      await time.advance(random() * 8);
      assert.equal(room.state.timeline.number, newest, `seed ${seed}`);
      if (room.state.gate) assert.ok(room.state.gate.number > newest, `seed ${seed}: an old gate is open`);
    }
  }
  await time.advance(2_000);
  assert.deepEqual(room.state, log, `seed ${seed}`);
  assert.equal(room.connection.state, 'connected');
  room.close();
}

describe('bulk on a stream of its own', () => {
  it('may come before welcome', async () => {
    const { time, server, room } = newModernRoom();
    const lines = [{ number: 1, at: CLUSTER_OFFSET, member: 'm_ann', name: 'Ann', text: 'early' }];
    server.onMessage = (_, message) => {
      if (message.type !== 'hello') return;
      server.lastSession.tellBulk({ type: 'members', members: [member(2)] }, { type: 'history', lines, more: false });
      const large = { ...emptySnapshot, memberCount: 2 };
      time.schedule(() => server.lastSession.tell(server.welcome({ room: large })), 30);
    };
    const done = room.join();
    await time.advance(200);
    await done;
    assert.deepEqual(room.state.members.map((m) => m.id), ['m_ann', 'm_2']);
    assert.deepEqual(room.state.chat, lines);
  });

  it('may bring lines of chat before their events', async () => {
    const { time, server, room } = await joined();
    const heard: number[] = [];
    room.on('chat', (line) => heard.push(line.number));
    const chat = (number: number) => ({ number, at: CLUSTER_OFFSET + number, member: 'm_ann', name: 'Ann', text: `${number}` });
    server.lastSession.tellBulk({ type: 'history', lines: [2, 3].map(chat), more: false });
    await time.advance(20);
    const said = [2, 3, 4].map((n) => ({ type: 'chat', chat: { member: 'm_ann', text: `${n}` } }));
    server.lastSession.tell(eventsOf(2, said));
    await time.advance(20);
    assert.deepEqual(room.state.chat, [2, 3, 4].map(chat));
    assert.deepEqual(heard, [2, 3, 4]);
  });
});

describe('pages of members that come late', () => {
  const all = Array.from({ length: 8 }, (_, i) => ({ ...member(i + 1), role: i === 6 ? ('host' as const) : ('guest' as const) }));
  const large = { ...emptySnapshot, host: 'm_7', members: all.slice(0, 3), memberCount: all.length };

  function replica(): Replica {
    const r = new Replica();
    r.receive({ type: 'welcome', member: 'm_1', seat: 's', epoch: 1, number: 1, room: large, clock: { time: 0 }, probeMs: { playing: 1, idle: 1 } });
    return r;
  }

  it('do not bring back who has left', () => {
    const r = replica();
    r.receive(eventsOf(2, [8, 7, 6, 5, 4].map((n) => ({ type: 'left', left: { member: `m_${n}`, reason: 'left' } }))));
    r.receive({ type: 'members', members: all.slice(3) });
    assert.deepEqual(r.state.members.map((m) => m.id), ['m_1', 'm_2', 'm_3']);
    assert.equal(r.state.memberCount, 3);
  });

  it('list who came back under the same id', () => {
    const r = replica();
    const again = { ...member(5), name: 'Again' };
    r.receive(eventsOf(2, [{ type: 'left', left: { member: 'm_5', reason: 'left' } }, { type: 'joined', joined: again }]));
    r.receive({ type: 'members', members: all.slice(3) });
    assert.deepEqual(r.state.members.filter((m) => m.id === 'm_5'), [again]);
  });

  it('know nothing more of a snapshot that followed', () => {
    const r = replica();
    r.receive(eventsOf(2, [{ type: 'left', left: { member: 'm_5', reason: 'left' } }]));
    r.receive({ type: 'snapshot', epoch: 2, number: 2, room: large });
    r.receive({ type: 'members', members: all.slice(3) });
    assert.ok(r.state.members.some((m) => m.id === 'm_5'));
  });

  it('leave the room as it would be had they come first', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seeded(seed);
      const anybody = (): string => `m_${1 + Math.floor(random() * all.length)}`;
      const events = Array.from({ length: 12 }, (_, i) => {
        const kind = random();
        if (kind < 0.3) return { type: 'left', left: { member: anybody(), reason: 'left' } };
        if (kind < 0.5) return { type: 'renamed', renamed: { member: anybody(), name: `Name ${i}` } };
        if (kind < 0.7) return { type: 'role', role: { member: anybody(), role: 'moderator' } };
        return { type: 'host', host: { member: anybody() } };
      });
      // A room's own log tells nothing of who is gone, and gives the host no other role.
      const gone = new Set<string>();
      let host = 'm_7';
      const sane = events.filter((e) => {
        const id = e.left?.member ?? e.renamed?.member ?? e.role?.member ?? e.host?.member ?? '';
        if (gone.has(id) || (e.role && id === host)) return false;
        if (e.left) gone.add(id);
        if (e.host) host = id;
        return true;
      });
      const message = eventsOf(2, sane);
      const page = { type: 'members', members: all.slice(3) } as const;
      const [first, last] = [replica(), replica()];
      first.receive(page);
      first.receive(message);
      last.receive(message);
      last.receive(page);
      const people = ({ members, memberCount }: RoomState): unknown => ({ members, memberCount });
      assert.deepEqual(people(last.state), people(first.state), `seed ${seed}`);
    }
  });
});

describe('the replica', () => {
  it('is the same object when a message tells nothing', () => {
    const r = new Replica();
    assert.equal(r.state, emptyRoom);
    r.receive({ type: 'ack', id: 1, number: 1 });
    r.receive(hint(timeline(0)));
    assert.equal(r.state, emptyRoom);
  });

  it('takes the presence of a resumed welcome for all there is', async () => {
    const { time, server, room } = await joined();
    server.lastSession.tell({ type: 'presence', members: [{ member: 'm_ann', buffering: true }, { member: 'm_2', away: true }] });
    await time.advance(20);
    server.welcomeAll({ room: undefined as never, presence: [{ member: 'm_3', away: true }] });
    server.lastSession.fail('lost');
    await time.advance(1_000);
    assert.deepEqual([...room.state.presence.keys()], ['m_3']);
  });
});
