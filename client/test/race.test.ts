import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { joinRoom } from '../src/create.js';
import type { TransportInfo } from '../src/room.js';
import { FakeServer } from './fake-server.js';
import { FakeTime } from './fake-time.js';
import { ENDPOINTS, newModernRoom, newRoom, roomOf, watchPromise } from './rooms.js';

type Made = ReturnType<typeof newModernRoom>;

/** Joins, and tells how long that took in milliseconds, at most 20 s. */
async function join({ time, server, room }: Made): Promise<{ ms: number; outcome: unknown }> {
  if (!server.onMessage) server.welcomeAll();
  const since = time.now();
  const joined = watchPromise(room.join());
  while (joined.outcome === 'pending' && time.now() - since < 20_000) await time.advance(5);
  return { ms: time.now() - since, outcome: joined.outcome };
}

function why({ room }: Made): string | undefined {
  return room.connection.why;
}

describe('the race', () => {
  it('is won by WebTransport where UDP gets through; no WebSocket is tried', async () => {
    const made = newModernRoom();
    const { ms } = await join(made);
    const { server, room } = made;
    assert.equal(why(made), 'WebTransport');
    assert.equal(room.connection.transport, 'webtransport');
    assert.equal(room.connection.url, 'https://gateway.example:4433/v1/wt');
    assert.equal(server.sockets.length, 0);
    assert.ok(ms <= 60, `${ms}`);
    assert.deepEqual(server.lastSession.options, {
      serverCertificateHashes: [{ algorithm: 'sha-256', value: Uint8Array.of(0, 1, 2) }],
    });
    room.close();
    await made.time.advance(50);
    assert.equal(made.time.pending, 0);
  });

  it('is won by WebTransport within its head start, however fast WebSocket would be', async () => {
    const made = newModernRoom();
    made.server.readyMs = 240;
    await join(made);
    assert.equal(why(made), 'WebTransport');
    assert.equal(made.server.sockets.length, 0);
  });

  it('is won by WebSocket when WebTransport is slow, which is then closed and not held against the network', async () => {
    const made = newModernRoom();
    made.server.readyMs = 400;
    const { ms } = await join(made);
    assert.equal(why(made), 'WebSocket: UDP did not get through');
    assert.ok(ms <= 300, `${ms}`);
    assert.equal(made.server.lastSession.closedBy, undefined);
    await made.time.advance(500);
    assert.ok(made.server.lastSession.closedBy);
    await made.time.advance(10_000);
    assert.equal(made.room.connection.state, 'connected');
    made.server.readyMs = 20;
    made.server.last.end();
    await made.time.advance(1_000);
    assert.equal(why(made), 'WebTransport');
  });

  it('costs no head start when WebTransport fails at once', async () => {
    const made = newModernRoom();
    made.server.udp = 'refused';
    const { ms } = await join(made);
    assert.equal(why(made), 'WebSocket: WebTransport failed: Opening handshake failed.');
    assert.ok(ms <= 60, `${ms}`);
  });

  it('costs at most a second where UDP is dropped, and the loser is closed', async () => {
    const made = newModernRoom();
    made.server.udp = 'dropped';
    const { ms } = await join(made);
    assert.equal(why(made), 'WebSocket: UDP did not get through');
    assert.ok(ms <= 300, `${ms}`);
    await made.time.advance(3_000);
    assert.ok(made.server.lastSession.closedBy);
  });

  it('costs at most a second too when the gateway does not say where to connect', async () => {
    const made = newModernRoom();
    made.server.directory = undefined;
    const { ms } = await join(made);
    assert.equal(why(made), 'WebSocket: the gateway did not say where its WebTransport is');
    assert.ok(ms <= 700, `${ms}`);
  });

  it('and when it says so slowly and UDP is dropped', async () => {
    const made = newModernRoom();
    made.server.udp = 'dropped';
    const { fetch } = made.server;
    const { time } = made;
    const room = roomOf(
      made.server.environment({
        fetch: () => new Promise((resolve) => time.schedule(() => void fetch().then(resolve), 580)),
      }),
    );
    const { ms } = await join({ ...made, room });
    assert.equal(room.connection.why, 'WebSocket: UDP did not get through');
    assert.ok(ms <= 1_000, `${ms}`);
  });

  it('falls back to WebSocket when the gateway cannot be asked', async () => {
    const made = newModernRoom();
    made.server.directory = null;
    const { ms } = await join(made);
    assert.equal(why(made), 'WebSocket: the gateway did not say where its WebTransport is');
    assert.ok(ms <= 60, `${ms}`);
  });

  it('is won by WebTransport where WebSockets are refused', async () => {
    const made = newModernRoom();
    made.server.reachable = false;
    made.server.readyMs = 800;
    await join(made);
    assert.equal(why(made), 'WebTransport');
  });

  it('is lost by both when nobody is there, and run again with back-off', async () => {
    const made = newModernRoom();
    made.server.reachable = false;
    made.server.udp = 'dropped';
    const { outcome } = await join(made);
    assert.equal(outcome, 'timeout');
    // A browser notices late that no WebTransport answers; the attempts must not wait for that.
    assert.ok(made.server.sockets.length >= 4, `${made.server.sockets.length}`);
    assert.ok(made.server.sessions.every((s) => s.closedBy));
    assert.equal(made.time.pending, 0);
  });

  it('closes what is under way when the room is closed', async () => {
    const made = newModernRoom();
    made.server.udp = 'dropped';
    made.server.reachable = 'silent';
    const joined = watchPromise(made.room.join());
    await made.time.advance(400);
    assert.deepEqual([made.server.sessions.length, made.server.sockets.length], [1, 1]);
    made.room.close();
    await made.time.advance(0);
    assert.equal(joined.outcome, 'closed');
    assert.ok(made.server.lastSession.closedBy && made.server.last.closed);
    assert.equal(made.time.pending, 0);
  });

  it('closes what is under way when the loser is still to be judged', async () => {
    const made = newModernRoom();
    made.server.udp = 'dropped';
    await join(made);
    made.room.close();
    // What is on its way in the network arrives.
    await made.time.advance(50);
    assert.ok(made.server.lastSession.closedBy);
    assert.equal(made.time.pending, 0);
  });
});

describe('why it is WebSocket', () => {
  const cases = [
    ['WebTransport is off: this page is not a secure context', { lacking: 'WebTransport is off: this page is not a secure context' }],
    ['this browser has no WebTransport', { lacking: 'this browser has no WebTransport' }],
    ['the gateway says: certificates are off', { directory: { endpoints: [], webTransportOff: 'certificates are off' } }],
    ['the gateway has no WebTransport', { directory: { endpoints: [ENDPOINTS[1]] } }],
    ['the gateway has no WebTransport', { directory: { endpoints: [{ transport: 'pigeon', url: 'x' }, 7, null, {}] } }],
    ['the gateway has no WebTransport', { directory: { endpoints: 'none' } }],
    ['the program asked for it', { transports: ['websocket'] as const }],
  ] as const;
  for (const [words, { lacking, directory, transports }] of cases as readonly (readonly [
    string,
    { lacking?: string; directory?: FakeServer['directory']; transports?: readonly ['websocket'] },
  ])[]) {
    it(`${words} (${JSON.stringify(directory ?? transports ?? 'here')})`, async () => {
      const made = newModernRoom(
        { ...(transports && { transports }) },
        { ...(lacking && { lacksWebTransport: () => lacking }) },
      );
      if (directory) made.server.directory = directory;
      const { ms } = await join(made);
      assert.equal(why(made), `WebSocket: ${words}`);
      assert.equal(made.server.sessions.length, 0);
      assert.ok(ms <= 60, `${ms}`);
      // Who cannot use the answer does not ask.
      assert.equal(made.server.asked, directory ? 1 : 0);
    });
  }

  it('is told to whoever listens, at first and when it changes', async () => {
    const time = new FakeTime();
    const server = new FakeServer(time);
    server.directory = { endpoints: ENDPOINTS };
    server.welcomeAll();
    const told: TransportInfo[] = [];
    const onTransport = (info: TransportInfo): unknown => told.push(info);
    const joined = joinRoom({
      server: 'https://gateway.example',
      room: 'r',
      name: 'Ann',
      onTransport,
      environment: server.environment(),
    });
    await time.advance(200);
    const room = await joined;
    server.lastSession.fail('lost');
    await time.advance(1_000);
    server.udp = 'dropped';
    server.lastSession.fail('lost');
    await time.advance(1_000);
    assert.deepEqual(told, [
      { transport: 'webtransport', url: ENDPOINTS[0]?.url, why: 'WebTransport' },
      { transport: 'websocket', url: ENDPOINTS[1]?.url, why: 'WebSocket: UDP did not get through' },
    ]);
    room.close();
    assert.equal(time.pending, 0);
  });
});

describe('a forced transport', () => {
  it('is the only one that is tried', async () => {
    const made = newModernRoom({ transports: ['webtransport'] });
    made.server.udp = 'dropped';
    assert.equal((await join(made)).outcome, 'timeout');
    assert.equal(made.server.sockets.length, 0);
    const lacking = newRoom();
    const room = roomOf(lacking.time.environment(), { transports: ['webtransport'], joinTimeoutMs: 1_000 });
    const joined = room.join();
    const refused = assert.rejects(joined, /this browser has no WebTransport/);
    await lacking.time.advance(2_000);
    await refused;
  });
});

describe('a network that dropped UDP', () => {
  it('costs nothing the next time, for 10 minutes, and is then tried again', async () => {
    const made = newModernRoom();
    const { time, server } = made;
    server.udp = 'dropped';
    await join(made);
    await time.advance(5_000);
    const reconnect = async (): Promise<number> => {
      server.last.end();
      const before = server.sockets.length;
      while (server.sockets.length === before) await time.advance(5);
      const since = time.now();
      while (made.room.connection.state !== 'connected') await time.advance(5);
      await time.advance(5_000);
      return time.now() - since - 5_000;
    };
    assert.ok((await reconnect()) <= 45);
    assert.equal(why(made), 'WebSocket: UDP did not get through here lately');
    assert.equal(server.sessions.length, 1);
    await time.advance(10 * 60_000);
    await reconnect();
    assert.equal(server.sessions.length, 2);
    assert.equal(why(made), 'WebSocket: UDP did not get through');
    await time.advance(11 * 60_000);
    await reconnect();
    assert.equal(server.sessions.length, 2);
    await time.advance(10 * 60_000);
    server.udp = 'open';
    server.last.end();
    await time.advance(1_000);
    assert.equal(why(made), 'WebTransport');
  });

  it('is tried again when the device comes online', async () => {
    const made = newModernRoom();
    made.server.udp = 'dropped';
    await join(made);
    await made.time.advance(5_000);
    made.server.udp = 'open';
    made.server.last.end();
    made.time.goOnline();
    await made.time.advance(200);
    assert.equal(why(made), 'WebTransport');
  });

  it('is tried again when WebSockets fail as well', async () => {
    const made = newModernRoom();
    made.server.udp = 'dropped';
    await join(made);
    await made.time.advance(5_000);
    made.server.udp = 'open';
    made.server.reachable = false;
    made.server.last.end();
    await made.time.advance(2_000);
    assert.equal(why(made), 'WebTransport');
  });

  it('is not blamed while WebSockets fail too', async () => {
    const made = newModernRoom({ joinTimeoutMs: 60_000 });
    made.server.udp = 'dropped';
    made.server.reachable = false;
    const joined = made.room.join();
    made.server.welcomeAll();
    await made.time.advance(8_000);
    made.server.udp = 'open';
    made.server.reachable = true;
    await made.time.advance(12_000);
    await joined;
    assert.equal(why(made), 'WebTransport');
  });
});

describe('endpoints', () => {
  it('are asked for anew before a round of attempts, since certificates rotate', async () => {
    const made = newModernRoom();
    const { server, time } = made;
    await join(made);
    await time.advance(10_000);
    server.directory = { endpoints: [{ ...ENDPOINTS[0], certificateHashes: ['AwQF'] }, ENDPOINTS[1]] };
    server.lastSession.fail('lost');
    await time.advance(1_000);
    assert.equal(server.asked, 2);
    assert.deepEqual(
      server.sessions.map((s) => s.options.serverCertificateHashes?.[0]?.value),
      [Uint8Array.of(0, 1, 2), Uint8Array.of(3, 4, 5)],
    );
  });

  it('of the last answer are used when the next does not come', async () => {
    const made = newModernRoom();
    await join(made);
    await made.time.advance(10_000);
    made.server.directory = undefined;
    made.server.lastSession.fail('lost');
    await made.time.advance(1_500);
    assert.equal(why(made), 'WebTransport');
  });

  it('in bye come first, and those of welcome last', async () => {
    const made = newModernRoom();
    const { server, time } = made;
    const at = (host: string): { transport: 'websocket'; url: string } => ({ transport: 'websocket', url: `wss://${host}.example/v1/ws` });
    server.welcomeAll();
    const { onMessage } = server;
    server.onMessage = (peer, message) => {
      if (message.type === 'hello') peer.tell(server.welcome({ endpoints: [at('b'), ENDPOINTS[1]!] }));
      else onMessage?.(peer, message);
    };
    await join(made);
    server.lastSession.tell({ type: 'bye', code: 4000, reason: 'restart', afterMs: 0, endpoints: [at('c')] });
    await time.advance(15);
    server.udp = 'refused';
    server.reachable = 'silent';
    await time.advance(2_000);
    assert.ok(server.lastSession.closedBy);
    assert.deepEqual(server.sockets.map((s) => s.url), [at('c').url, ENDPOINTS[1]?.url, at('b').url]);
    assert.equal(server.sessions.length, 2);
  });

  it('whose certificates or addresses are none fail like others', async () => {
    for (const bad of [{ certificateHashes: ['%'] }, { url: 'nonsense' }]) {
      const time = new FakeTime();
      const server = new FakeServer(time);
      server.directory = { endpoints: [{ ...ENDPOINTS[0], ...bad }, ENDPOINTS[1]] };
      const openWebTransport = (url: string, options: WebTransportOptions): never => {
        throw new TypeError(`${new URL(url).href} ${JSON.stringify(options)}`);
      };
      const room = roomOf(server.environment({ openWebTransport }));
      await join({ time, server, room });
      assert.match(room.connection.why ?? '', /^WebSocket: WebTransport failed: /);
    }
  });
});
