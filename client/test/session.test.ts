import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Backoff } from '../src/backoff.js';
import { TandemError } from '../src/errors.js';
import { afterClose, CloseCode, type Events } from '../src/protocol/index.js';
import { CLUSTER_OFFSET } from './fake-server.js';
import { joinedRoom, newRoom, watchPromise } from './rooms.js';

function chatEvents(first: number, last: number, epoch = 1): Events {
  const events = [];
  for (let number = first; number <= last; number++) {
    const chat = { member: 'm_ann', text: `line ${number}` };
    events.push({ number, type: 'chat' as const, at: CLUSTER_OFFSET + number, chat });
  }
  return { type: 'events', epoch, first, last, events };
}

describe('joining', () => {
  it('says hello, and has the state when it resolves', async () => {
    const { time, server, room } = newRoom({ pin: '0042' });
    server.welcomeAll();
    const joined = room.join();
    await time.advance(100);
    await joined;
    assert.deepEqual(server.last.take('hello'), [
      { type: 'hello', version: 1, room: '7Q2K9XHF3BTW', name: 'Ann', pin: '0042' },
    ]);
    assert.equal(room.state.self, 'm_ann');
    assert.equal(room.seat, 'seat-ann');
    assert.equal(room.connection.state, 'connected');
    assert.equal(room.connection.transport, 'websocket');
  });

  it('rejects with what the gateway refuses, and leaves nothing behind', async () => {
    for (const code of ['room_not_found', 'pin_required', 'pin_invalid', 'pin_throttled', 'banned'] as const) {
      const { time, server, room } = newRoom();
      server.onMessage = (socket) => socket.tell({ type: 'error', code, message: 'no', retryAfterMs: 7 });
      const joined = watchPromise(room.join());
      await time.advance(100);
      assert.equal(joined.outcome, code);
      assert.equal(room.connection.state, 'closed');
      assert.deepEqual(server.last.closed, { code: 1000, reason: code });
      assert.equal(time.pending, 0);
    }
  });

  it('tries again when the gateway cannot serve just now, and gives up in time', async () => {
    const { time, server, room } = newRoom();
    server.onMessage = (socket) => socket.tell({ type: 'error', code: 'unavailable', message: 'later' });
    const joined = watchPromise(room.join());
    await time.advance(14_000);
    assert.ok(server.sockets.length > 3);
    assert.equal(joined.outcome, 'pending');
    await time.advance(2_000);
    assert.equal(joined.outcome, 'timeout');
    assert.equal(time.pending, 0);
  });

  it('comes back to a seat, or enters anew when it has expired', async () => {
    const { time, server, room } = newRoom({ seat: 'seat-old' });
    server.onMessage = (socket, message) => {
      if (message.type !== 'hello') return;
      socket.tell(message.resume ? { type: 'error', code: 'seat_unknown', message: 'gone' } : server.welcome());
    };
    const joined = room.join();
    await time.advance(100);
    await joined;
    const hellos = server.last.take('hello');
    assert.deepEqual(hellos.map((h) => h.resume), [{ seat: 'seat-old', epoch: 0, number: 0 }, undefined]);
    assert.equal(server.sockets.length, 1);
    assert.equal(room.seat, 'seat-ann');
  });
});

describe('commands', () => {
  it('resolve when they are acknowledged and the state shows them, whichever comes first', async () => {
    const { time, server, room } = await joinedRoom();
    const said = watchPromise(room.say('line 2'));
    await time.advance(20);
    assert.deepEqual(server.last.take('chat'), [{ type: 'chat', id: 1, text: 'line 2' }]);
    server.last.tell({ type: 'ack', id: 1, number: 2 });
    await time.advance(20);
    assert.equal(said.outcome, 'pending');
    server.last.tell(chatEvents(2, 2));
    await time.advance(20);
    assert.equal(said.outcome, 2);
    assert.deepEqual(room.state.chat.map((l) => l.text), ['line 2']);
  });

  it('reject with the gateway’s error', async () => {
    const { time, server, room } = await joinedRoom();
    const done = room.setRate(9);
    await time.advance(20);
    server.last.tell({ type: 'error', id: 1, code: 'invalid', message: 'rate must be from 0.25 to 4' });
    const refused = assert.rejects(done, (e: TandemError) => e.code === 'invalid' && e.message.startsWith('rate'));
    await time.advance(20);
    await refused;
  });

  it('are bounded to 64 unanswered ones', async () => {
    const { time, server, room } = await joinedRoom();
    const all = Array.from({ length: 64 }, () => watchPromise(room.setRate(2)));
    assert.equal(await room.setRate(2).catch((e: TandemError) => e.code), 'too_many_commands');
    await time.advance(20);
    assert.equal(server.last.take('rate').length, 64);
    server.last.tell({ type: 'ack', id: 1, number: 1 });
    await time.advance(20);
    assert.equal(all[0]?.outcome, 1);
    assert.equal(watchPromise(room.setRate(2)).outcome, 'pending');
  });

  it('are asked for again with the same id when the gateway does not know', async () => {
    const { time, server, room } = await joinedRoom();
    const done = watchPromise(room.setRate(2));
    await time.advance(20);
    server.last.tell({ type: 'error', id: 1, code: 'unknown', message: 'perhaps', retryAfterMs: 300 });
    await time.advance(400);
    assert.deepEqual(server.last.take('rate').map((c) => c.id), [1, 1]);
    server.last.tell({ type: 'ack', id: 1, number: 1 });
    await time.advance(20);
    assert.equal(done.outcome, 1);
  });

  it('over 64 KiB are rejected without closing the connection', async () => {
    const { server, room } = await joinedRoom();
    assert.equal(await room.say('é'.repeat(40_000)).catch((e: TandemError) => e.code), 'too_large');
    assert.equal(server.sockets.length, 1);
  });
});

describe('a dropped connection', () => {
  it('is resumed with what was seen, and unanswered commands go again in order with their ids', async () => {
    const { time, server, room } = await joinedRoom();
    server.last.tell(chatEvents(2, 5));
    await time.advance(20);
    const outcomes = [room.say('a'), room.setRate(2), room.say('c')].map(watchPromise);
    await time.advance(20);
    server.last.tell({ type: 'ack', id: 1, number: 5 });
    await time.advance(20);
    server.last.end();
    assert.equal(room.connection.state, 'reconnecting');
    outcomes.push(watchPromise(room.say('meanwhile')));

    await time.advance(600);
    const socket = server.last;
    assert.equal(server.sockets.length, 2);
    assert.deepEqual(socket.inbox.slice(0, 4), [
      {
        type: 'hello',
        version: 1,
        room: '7Q2K9XHF3BTW',
        name: 'Ann',
        resume: { seat: 'seat-ann', epoch: 1, number: 5 },
      },
      { type: 'rate', id: 2, rate: 2 },
      { type: 'chat', id: 3, text: 'c' },
      { type: 'chat', id: 4, text: 'meanwhile' },
    ]);
    socket.tell(chatEvents(6, 8), ...[2, 3, 4].map((id) => ({ type: 'ack' as const, id, number: id + 4 })));
    await time.advance(20);
    assert.deepEqual(outcomes.map((o) => o.outcome), [5, 6, 7, 8]);
    assert.equal(room.connection.state, 'connected');
  });

  it('into a fresh seat rejects what may have been done, and does there what was never sent', async () => {
    const { time, server, room } = await joinedRoom();
    const sent = watchPromise(room.say('sent'));
    await time.advance(20);
    server.last.end();
    const unsent = watchPromise(room.say('unsent'));
    server.onMessage = (socket, message) => {
      if (message.type !== 'hello') return;
      socket.tell(
        message.resume
          ? { type: 'error', code: 'seat_unknown', message: 'gone' }
          : server.welcome({ member: 'm_new', seat: 'seat-new' }),
      );
    };
    await time.advance(600);
    assert.equal(sent.outcome, 'unknown');
    assert.equal(unsent.outcome, 'pending');
    assert.deepEqual(server.last.take('chat'), [{ type: 'chat', id: 1, text: 'unsent' }]);
    assert.equal(room.state.self, 'm_new');
  });

  it('goes on after the ids that the seat has used before', async () => {
    const { time, server, room } = newRoom({ seat: 'seat-ann' });
    server.onMessage = (socket, { type }) => type === 'hello' && socket.tell(server.welcome({ lastCommand: 17 }));
    const joined = room.join();
    await time.advance(100);
    await joined;
    watchPromise(room.say('hello again'));
    await time.advance(20);
    assert.equal(server.last.take('chat')[0]?.id, 18);
  });

  it('is retried at once when the device comes online', async () => {
    const { time, server } = await joinedRoom();
    server.reachable = false;
    server.last.end();
    await time.advance(30_000);
    const before = server.sockets.length;
    server.reachable = true;
    await time.advance(1);
    time.goOnline();
    await time.advance(0);
    assert.ok(server.sockets.length <= before + 1);
    await time.advance(100);
    assert.equal(server.last.take('hello').length, 1);
  });

  it('closes for good when it was left', async () => {
    const { time, server, room } = await joinedRoom();
    const left = watchPromise(room.leave());
    await time.advance(20);
    server.last.tell({ type: 'ack', id: 1, number: 9 });
    await time.advance(20);
    // Its own departure is not shown to who has left.
    server.last.end(1000, 'left');
    await time.advance(20);
    assert.equal(left.outcome, undefined);
    assert.equal(room.connection.state, 'closed');
    assert.equal(time.pending, 0);
    assert.equal(await room.say('?').catch((e: TandemError) => e.code), 'closed');
  });
});

describe('the log', () => {
  it('skips what was seen, whole ranges and parts of them', async () => {
    const { time, server, room } = await joinedRoom();
    const heard: number[] = [];
    room.on('chat', (line) => heard.push(line.number));
    server.last.tell(chatEvents(2, 4), chatEvents(2, 4), chatEvents(3, 6), chatEvents(1, 6), chatEvents(7, 7));
    await time.advance(20);
    assert.deepEqual(heard, [2, 3, 4, 5, 6, 7]);
    assert.deepEqual(room.state.chat.map((l) => l.number), heard);
    assert.equal(server.sockets.length, 1);
  });

  it('counts numbers that have no event for clients', async () => {
    const { time, server, room } = await joinedRoom();
    server.last.tell({ type: 'events', epoch: 1, first: 2, last: 40, events: [] }, chatEvents(41, 41));
    await time.advance(20);
    assert.equal(room.state.number, 41);
    assert.equal(server.sockets.length, 1);
  });

  it('with a hole is resumed from before it', async () => {
    const { time, server, room } = await joinedRoom();
    server.last.tell(chatEvents(2, 3), chatEvents(5, 6));
    await time.advance(500);
    assert.equal(server.sockets.length, 2);
    assert.deepEqual(server.last.take('hello')[0]?.resume, { seat: 'seat-ann', epoch: 1, number: 3 });
    server.last.tell(chatEvents(4, 6));
    await time.advance(20);
    assert.deepEqual(room.state.chat.map((l) => l.number), [2, 3, 4, 5, 6]);
  });

  it('of a higher epoch opens with a snapshot', async () => {
    const { time, server, room } = await joinedRoom();
    server.last.tell(chatEvents(2, 9));
    const snapshot = server.welcome().room;
    assert.ok(snapshot);
    server.last.tell({ type: 'snapshot', epoch: 2, number: 7, room: snapshot }, chatEvents(9, 9, 1), chatEvents(8, 8, 2));
    await time.advance(20);
    assert.equal(room.state.number, 8);
    server.last.tell({ type: 'snapshot', epoch: 1, number: 99, room: snapshot });
    await time.advance(20);
    assert.equal(room.state.number, 8);
    assert.equal(server.sockets.length, 1);
    server.last.tell(chatEvents(9, 9, 3));
    await time.advance(500);
    assert.deepEqual(server.last.take('hello')[0]?.resume, { seat: 'seat-ann', epoch: 2, number: 8 });
  });
});

describe('close codes', () => {
  it('carry the retry policy', () => {
    for (let code = 4000; code < 4500; code++) assert.equal(afterClose(code), 'resume');
    for (let code = 4500; code < 5000; code++) {
      assert.equal(afterClose(code), code === CloseCode.expired ? 'rejoin' : 'stop');
    }
    for (const code of [1001, 1006, 1011, 1012]) assert.equal(afterClose(code), 'resume');
    assert.equal(afterClose(1000), 'stop');
  });

  it('that stop close the room and settle what waits', async () => {
    const { time, server, room } = await joinedRoom();
    const said = watchPromise(room.say('?'));
    server.last.end(CloseCode.removed, 'removed');
    await time.advance(60_000);
    assert.equal(room.connection.state, 'closed');
    assert.equal(room.connection.closeCode, 4504);
    assert.equal(said.outcome, 'closed');
    assert.equal(server.sockets.length, 1);
    assert.equal(time.pending, 0);
  });

  it('that say the seat is gone lead to a hello without it', async () => {
    const { time, server } = await joinedRoom();
    server.last.end(CloseCode.expired, 'expired');
    await time.advance(600);
    assert.equal(server.last.take('hello')[0]?.resume, undefined);
  });

  it('in bye are obeyed: the client closes, waits, and goes where it is told', async () => {
    const { time, server, room } = await joinedRoom();
    const endpoints = [{ transport: 'websocket' as const, url: 'wss://other.example/v1/ws' }];
    server.last.tell({ type: 'bye', code: 4000, reason: 'restart', afterMs: 3_000, endpoints });
    await time.advance(20);
    assert.deepEqual(server.last.closed, { code: 4000, reason: 'restart' });
    assert.equal(room.connection.state, 'reconnecting');
    await time.advance(2_900);
    assert.equal(server.sockets.length, 1);
    await time.advance(500);
    assert.equal(server.sockets.length, 2);
    assert.equal(server.last.url, 'wss://other.example/v1/ws');
  });
});

describe('back-off', () => {
  it('starts at 250 ms, doubles to 10 s, and is jittered over the upper half', () => {
    for (const random of [0, 0.5, 0.999999]) {
      const backoff = new Backoff(() => random);
      for (let i = 0; i < 40; i++) {
        const ceiling = Math.min(10_000, 250 * 2 ** i);
        const delay = backoff.next();
        assert.ok(delay >= ceiling / 2 && delay <= ceiling, `${delay} of ${ceiling}`);
      }
      backoff.reset();
      assert.ok(backoff.next() <= 250);
    }
  });

  it('starts small again only after a connection that held', async () => {
    const { time, server } = await joinedRoom();
    const gaps = async (): Promise<number> => {
      const before = time.now();
      const n = server.sockets.length;
      server.last.end(4006);
      while (server.sockets.length === n) await time.advance(10);
      await time.advance(50);
      return time.now() - before;
    };
    await time.advance(6_000);
    const first = await gaps();
    for (let i = 0; i < 5; i++) await gaps();
    const later = await gaps();
    await time.advance(6_000);
    const again = await gaps();
    assert.ok(first <= 320 && again <= 320, `${first} ${again}`);
    assert.ok(later >= 5_000 && later <= 10_100, `${later}`);
  });
});

describe('liveness', () => {
  it('probes in two bursts and then at the pace of the room', async () => {
    const { time, server } = await joinedRoom();
    await time.advance(300);
    assert.ok(server.probes >= 9 && server.probes <= 11, `${server.probes}`);
    await time.advance(5_600);
    const burst = server.probes;
    assert.ok(burst >= 19 && burst <= 21, `${burst}`);
    await time.advance(60_000);
    assert.ok(server.probes - burst >= 3 && server.probes - burst <= 5, `${server.probes - burst}`);
    const idle = server.probes;
    const timeline = { position: 0, rate: 1, playing: true, at: server.clusterNow(), number: 2, cause: 'play' as const };
    server.last.tell({
      type: 'events',
      epoch: 1,
      first: 2,
      last: 2,
      events: [{ number: 2, type: 'timeline', at: timeline.at, timeline }],
    });
    await time.advance(60_000);
    assert.ok(server.probes - idle >= 27 && server.probes - idle <= 34, `${server.probes - idle}`);
    assert.equal(server.sockets.length, 1);
  });

  it('notices a silent connection within 4 s while playing, and comes back', async () => {
    const { time, server, room } = await joinedRoom();
    const timeline = { position: 0, rate: 1, playing: true, at: server.clusterNow(), number: 2, cause: 'play' as const };
    server.last.tell({
      type: 'events',
      epoch: 1,
      first: 2,
      last: 2,
      events: [{ number: 2, type: 'timeline', at: timeline.at, timeline }],
    });
    await time.advance(20_000);
    server.last.answersProbes = false;
    const since = time.now();
    while (server.sockets.length === 1) await time.advance(10);
    assert.ok(time.now() - since <= 4_000, `${time.now() - since}`);
    await time.advance(100);
    assert.equal(room.connection.state, 'connected');
    assert.equal(room.state.timeline.playing, true);
  });

  it('is proven by any message', async () => {
    const { time, server } = await joinedRoom();
    await time.advance(20_000);
    server.last.answersProbes = false;
    for (let i = 0; i < 100; i++) {
      server.last.tell({ type: 'presence', members: [] });
      await time.advance(250);
    }
    assert.equal(server.sockets.length, 1);
  });
});

describe('what is no message', () => {
  it('is reported and survived', async () => {
    const { time, server, room } = await joinedRoom();
    const errors: string[] = [];
    room.on('error', (error) => errors.push(error.code));
    server.last.tell({ type: 'later' } as never, 7 as never, { type: 'toString' } as never);
    await time.advance(20);
    assert.deepEqual(errors, ['unknown_type', 'malformed', 'unknown_type']);
    assert.equal(room.connection.state, 'connected');
  });
});
