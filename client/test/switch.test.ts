import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Command, Events, Hello, RoomEvent } from '../src/protocol/index.js';
import type { Room } from '../src/room.js';
import { CLUSTER_OFFSET, type FakeServer, type Peer } from './fake-server.js';
import type { FakeTime } from './fake-time.js';
import { newModernRoom, watchPromise } from './rooms.js';

/** A gateway with a log that does each command once, whatever connection it comes by. */
class Gateway {
  readonly #server: FakeServer;
  readonly #log: RoomEvent[] = [];
  readonly #done = new Map<number, number>();
  readonly hellos: Hello[] = [];
  #peer: Peer | undefined;

  constructor(server: FakeServer) {
    this.#server = server;
    server.onMessage = (peer, message) => {
      if (message.type === 'hello') this.#hello(peer, message);
      else if (peer === this.#peer && 'id' in message) this.#do(peer, message);
    };
  }

  /** A line by somebody else. */
  chat(text: string): void {
    this.#append({ type: 'chat', chat: { member: 'm_ben', text } });
  }

  play(): void {
    const number = this.#log.length + 2;
    const timeline = { position: 0, rate: 1, playing: true, at: this.#server.clusterNow(), number };
    this.#append({ type: 'timeline', timeline: { ...timeline, cause: 'play' } });
  }

  get texts(): string[] {
    return this.#log.flatMap((e) => (e.type === 'chat' ? [e.chat.text] : []));
  }

  #append(details: object): number {
    const number = this.#log.length + 2;
    const event = { number, at: CLUSTER_OFFSET + number, ...details } as RoomEvent;
    this.#log.push(event);
    this.#peer?.tell(this.#events(number, [event]));
    return number;
  }

  #events(first: number, events: readonly RoomEvent[]): Events {
    return { type: 'events', epoch: 1, first, last: first + events.length - 1, events };
  }

  #hello(peer: Peer, hello: Hello): void {
    this.hellos.push(hello);
    this.#peer = peer;
    const seen = hello.resume?.number ?? 0;
    if (seen === 0) return peer.tell(this.#server.welcome());
    peer.tell(this.#server.welcome({ room: undefined as never, number: this.#log.length + 1 }));
    if (seen <= this.#log.length) peer.tell(this.#events(seen + 1, this.#log.slice(seen - 1)));
  }

  #do(peer: Peer, command: Command): void {
    if (command.type !== 'chat') return;
    const number = this.#done.get(command.id) ?? this.#append({ type: 'chat', chat: { member: 'm_ann', text: command.text } });
    this.#done.set(command.id, number);
    peer.tell({ type: 'ack', id: command.id, number });
  }
}

async function playing(delayMs = 10): Promise<{ time: FakeTime; server: FakeServer; room: Room; gateway: Gateway }> {
  const made = newModernRoom();
  made.server.delayMs = delayMs;
  made.server.readyMs = 2 * delayMs;
  const gateway = new Gateway(made.server);
  const joined = made.room.join();
  await made.time.advance(1_000);
  await joined;
  gateway.play();
  await made.time.advance(20_000);
  return { ...made, gateway };
}

/** UDP is cut: nothing goes through either way any more, and nobody says so. */
function cut(server: FakeServer): void {
  server.udp = 'dropped';
  server.lastSession.dark = true;
}

async function until(time: FakeTime, done: () => boolean): Promise<number> {
  const since = time.now();
  while (!done() && time.now() - since < 60_000) await time.advance(10);
  return time.now() - since;
}

describe('UDP cut in the middle of a session', () => {
  it('leads to WebSocket within 4 s, in the same seat, with nothing missed or repeated', async () => {
    for (const delayMs of [5, 50]) {
      let longest = 0;
      // Wherever between two probes it happens.
      for (let phase = 0; phase < 2_400; phase += 150) {
        const { time, server, room, gateway } = await playing(delayMs);
        const heard: string[] = [];
        room.on('chat', (line) => heard.push(line.text));
        const states: boolean[] = [];
        room.on('state', (state) => states.push(state.timeline.playing));
        gateway.chat('before');
        await time.advance(phase + 200);

        const was = server.lastSession;
        cut(server);
        const since = time.now();
        gateway.chat('while dark');
        const said = watchPromise(room.say('mine'));
        await until(time, () => room.connection.transport === 'websocket');
        const took = time.now() - since;
        longest = Math.max(longest, took);
        assert.ok(took <= 4_000, `${took} ms at ${phase}`);
        assert.ok(was.closedBy);

        gateway.chat('after');
        await time.advance(500);
        assert.equal(room.connection.why, 'WebSocket: UDP did not get through');
        assert.equal(said.outcome, gateway.texts.indexOf('mine') + 3);
        assert.deepEqual(heard, gateway.texts);
        assert.deepEqual(room.state.chat.map((l) => l.text), gateway.texts);
        assert.deepEqual([...gateway.texts].sort(), ['after', 'before', 'mine', 'while dark']);
        assert.deepEqual(gateway.hellos.map((h) => h.resume), [undefined, { seat: 'seat-ann', epoch: 1, number: 3 }]);
        // Playback went on.
        assert.ok(states.every((p) => p));
        room.close();
      }
      assert.ok(longest > 2_500, `the cut was noticed before it could be: ${longest}`);
    }
  });

  it('is noticed in an idle room too, at the next probe', async () => {
    const made = newModernRoom();
    made.server.welcomeAll();
    const joined = made.room.join();
    await made.time.advance(20_000);
    await joined;
    cut(made.server);
    const took = await until(made.time, () => made.room.connection.transport === 'websocket');
    assert.ok(took <= 17_000, `${took}`);
  });

  it('keeps UDP out of the race for 10 minutes, and for 20 when it happens again', async () => {
    const { time, server, room } = await playing();
    for (const minutes of [10, 20, 40]) {
      cut(server);
      await until(time, () => room.connection.transport === 'websocket');
      server.udp = 'open';
      const sessions = server.sessions.length;
      await time.advance((minutes - 1) * 60_000);
      server.last.end();
      await time.advance(1_000);
      assert.equal(server.sessions.length, sessions, `within ${minutes} minutes`);
      await time.advance(2 * 60_000);
      server.last.end();
      await time.advance(1_000);
      assert.equal(room.connection.why, 'WebTransport');
    }
  });

  it('is told from a gateway that was killed: WebTransport is taken again', async () => {
    const { time, server, room } = await playing();
    server.lastSession.dark = true;
    const took = await until(time, () => server.sessions.length === 2 && room.connection.state === 'connected');
    assert.ok(took <= 4_000, `${took}`);
    assert.equal(room.connection.why, 'WebTransport');
    assert.equal(server.sockets.length, 0);
  });

  it('that lets each new session live for a while only is left alone at the second time', async () => {
    const { time, server, room } = await playing();
    server.lastSession.dark = true;
    await until(time, () => server.sessions.length === 2 && room.connection.state === 'connected');
    await time.advance(30_000);
    server.lastSession.dark = true;
    await until(time, () => room.connection.transport === 'websocket');
    assert.equal(room.connection.why, 'WebSocket: UDP did not get through here lately');
    // Long apart they are two accidents.
    await time.advance(12 * 60_000);
    server.last.end();
    await time.advance(1_000);
    assert.equal(room.connection.why, 'WebTransport');
    await time.advance(20 * 60_000);
    server.lastSession.dark = true;
    await until(time, () => server.sessions.length === 4 && room.connection.state === 'connected');
    assert.equal(room.connection.why, 'WebTransport');
  });

  it('does not keep a forced transport from being tried', async () => {
    const made = newModernRoom({ transports: ['webtransport'] });
    made.server.welcomeAll();
    const joined = made.room.join();
    await made.time.advance(20_000);
    await joined;
    cut(made.server);
    await until(made.time, () => made.room.connection.state === 'reconnecting');
    made.server.udp = 'open';
    await made.time.advance(6_000);
    assert.equal(made.room.connection.why, 'WebTransport');
  });
});

describe('a WebTransport that lives', () => {
  it('is not given up for lost datagrams while its stream brings something', async () => {
    const { time, server, room } = await playing();
    server.lastSession.answersProbes = false;
    for (let i = 0; i < 100; i++) {
      server.lastSession.tell({ type: 'presence', members: [] });
      await time.advance(250);
    }
    assert.equal(room.connection.transport, 'webtransport');
    assert.equal(server.sockets.length, 0);
  });

  it('is not given up when only the first of the probes is lost', async () => {
    const { time, server } = await playing();
    const sent = server.lastSession.datagramsSent;
    server.lastSession.answersProbes = false;
    await until(time, () => server.lastSession.datagramsSent > sent + 1);
    server.lastSession.answersProbes = true;
    await time.advance(20_000);
    assert.equal(server.sockets.length, 0);
    assert.equal(server.sessions.length, 1);
  });

  it('is left when it says bye: the page closes the session itself', async () => {
    const { time, server, room } = await playing();
    server.lastSession.tell({ type: 'bye', code: 4000, reason: 'restart', afterMs: 100 });
    const [session] = server.sessions;
    await time.advance(20);
    assert.deepEqual(session?.closedBy, { closeCode: 4000, reason: 'restart' });
    await time.advance(1_000);
    assert.equal(server.sessions.length, 2);
    assert.equal(room.connection.why, 'WebTransport');
    server.lastSession.tell({ type: 'bye', code: 4503, reason: 'replaced', afterMs: 0 });
    await time.advance(60_000);
    assert.deepEqual([room.connection.state, room.connection.closeCode], ['closed', 4503]);
    assert.equal(time.pending, 0);
  });

  it('and is open but never answers hello is not chosen again at once', async () => {
    const made = newModernRoom();
    const { server, time, room } = made;
    server.onMessage = (peer, message) => {
      if (message.type === 'hello' && server.sockets.length > 0) peer.tell(server.welcome());
    };
    const joined = room.join();
    await time.advance(6_000);
    await joined;
    assert.equal(room.connection.why, 'WebSocket: UDP did not get through here lately');
  });
});
