import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TandemError } from '../src/errors.js';
import type { ServerMessage } from '../src/protocol/index.js';
import type { Transport } from '../src/transport.js';
import { openWebTransport } from '../src/webtransport.js';
import { FakeServer } from './fake-server.js';
import { FakeTime, seeded } from './fake-time.js';
import { Feed, framed, type FakeSession } from './fake-webtransport.js';

const ENDPOINT = { transport: 'webtransport', url: 'https://gateway.example:4433/v1/wt' } as const;

interface Opened {
  readonly time: FakeTime;
  readonly server: FakeServer;
  readonly session: FakeSession;
  readonly transport: Transport;
  /** What it told: messages, codes of garbage, and how it ended. */
  readonly told: unknown[];
}

async function open(prepare: (server: FakeServer) => void = () => undefined): Promise<Opened> {
  const time = new FakeTime();
  const server = new FakeServer(time);
  prepare(server);
  const told: unknown[] = [];
  const events = {
    message: (message: unknown) => told.push(message),
    garbage: (error: TandemError) => told.push(error.code),
    closed: (code: number, reason: string) => told.push([code, reason]),
  };
  const opening = openWebTransport(ENDPOINT, events, server.environment(), new AbortController().signal);
  opening.catch(() => undefined);
  await time.advance(50);
  return { time, server, session: server.lastSession, transport: await opening, told };
}

const typing = (n: number): ServerMessage => ({ type: 'typing', member: `m_${n}`, on: true });

describe('a WebTransport session', () => {
  it('carries messages in order on its stream, and probes as datagrams', async () => {
    const { time, session, transport, told } = await open();
    for (let i = 1; i <= 5; i++) {
      transport.send({ type: 'chat', id: i, text: `line ${i}` });
      transport.send({ type: 'probe', t1: i });
    }
    await time.advance(50);
    assert.deepEqual(session.take('chat').map((m) => m.id), [1, 2, 3, 4, 5]);
    assert.equal(session.inbox.length, 0);
    assert.equal(session.datagramsSent, 5);
    assert.deepEqual(told.map((m) => (m as { t1: number }).t1), [1, 2, 3, 4, 5]);
    assert.ok(session.datagrams.incomingHighWaterMark > 1);
    assert.ok(session.datagrams.outgoingMaxAge);
  });

  it('reads its stream however it is cut, and the gateway’s streams beside it', async () => {
    const { time, session, told } = await open();
    const bytes = Uint8Array.from([1, 2, 3].flatMap((n) => [...framed(typing(n))]));
    for (const byte of bytes.subarray(0, -1)) session.control.push(Uint8Array.of(byte));
    session.tellBulk({ type: 'history', lines: [], more: false });
    await time.advance(50);
    assert.equal(told.length, 3);
    session.control.push(bytes.subarray(-1));
    await time.advance(0);
    assert.deepEqual(told, [typing(1), typing(2), { type: 'history', lines: [], more: false }, typing(3)]);
  });

  it('stays when the gateway ends a stream of its own', async () => {
    const { time, session, told } = await open();
    session.tellBulk({ type: 'members', members: [] });
    await time.advance(20);
    session.bulk?.end();
    await time.advance(20);
    assert.deepEqual(told, [{ type: 'members', members: [] }]);
  });

  it('ignores datagrams of later versions, and reports what is none', async () => {
    const { time, session, told } = await open();
    for (const bytes of [[9, 9], [200], [3, 1], [], [2]]) session.incoming.push(Uint8Array.from(bytes));
    await time.advance(20);
    session.control.push(framed({ type: 'later' }));
    await time.advance(20);
    assert.deepEqual(told, ['malformed', 'malformed', 'malformed', 'unknown_type']);
  });

  it('holds what the network does not take, up to a bound, and then ends', async () => {
    const { time, session, transport, told } = await open();
    let release = (): void => undefined;
    session.stalled = new Promise((resolve) => (release = resolve));
    const text = 'x'.repeat(500);
    for (let i = 1; i <= 1_000; i++) transport.send({ type: 'chat', id: i, text });
    await time.advance(50);
    assert.equal(session.written, 0);
    session.stalled = undefined;
    release();
    await time.advance(50);
    assert.deepEqual(session.take('chat').map((m) => m.id), Array.from({ length: 1_000 }, (_, i) => i + 1));
    assert.deepEqual(told, []);

    session.stalled = new Promise(() => undefined);
    for (let i = 0; i < 40; i++) transport.send({ type: 'signal', to: 'm_ben', data: 'x'.repeat(32_000) });
    await time.advance(50);
    assert.deepEqual(told, [[4001, 'the network takes nothing any more']]);
    assert.deepEqual(session.closedBy, { closeCode: 4001, reason: 'the network takes nothing any more' });
  });

  it('throws for a message that is too large, and lives on', async () => {
    const { time, session, transport, told } = await open();
    const data = 'x'.repeat(70_000);
    assert.throws(() => transport.send({ type: 'signal', to: 'm', data }), (e: TandemError) => e.code === 'too_large');
    transport.send({ type: 'typing', on: true });
    await time.advance(50);
    assert.deepEqual(session.inbox, [{ type: 'typing', on: true }]);
    assert.deepEqual(told, []);
  });

  it('tells nothing more once it was closed', async () => {
    const { time, session, transport, told } = await open();
    session.tell(typing(1));
    session.tellDatagram({ type: 'clock', t1: 1, t2: 1, t3: 1 });
    transport.close(4002, 'silent');
    transport.send({ type: 'typing', on: true });
    transport.send({ type: 'probe', t1: 1 });
    await time.advance(50);
    assert.deepEqual(told, []);
    assert.deepEqual(session.closedBy, { closeCode: 4002, reason: 'silent' });
  });

  it('does not tell what follows in the same piece when a message makes its owner close', async () => {
    const time = new FakeTime();
    const server = new FakeServer(time);
    const told: unknown[] = [];
    let transport: Transport | undefined;
    const events = {
      message: (message: unknown) => (told.push(message), transport?.close(1000, 'enough')),
      garbage: () => told.push('garbage'),
      closed: () => told.push('closed'),
    };
    const opening = openWebTransport(ENDPOINT, events, server.environment(), new AbortController().signal);
    await time.advance(50);
    transport = await opening;
    server.lastSession.control.push(Uint8Array.from([...framed(typing(1)), ...framed(typing(2)), 0xff, 0xff, 0xff, 0xff]));
    await time.advance(50);
    assert.deepEqual(told, [typing(1)]);
  });
});

describe('the end of a WebTransport session', () => {
  const ends: Record<string, [(session: FakeSession) => void, number, string]> = {
    'the connection breaks': [(s) => s.fail('Connection lost.'), 1006, 'Connection lost.'],
    'the gateway closes': [(s) => s.end(), 1006, 'closed by the gateway'],
    'the gateway closes with a code, should browsers ever tell': [(s) => s.end({ closeCode: 4503, reason: 'replaced' }), 4503, 'replaced'],
    'the gateway closes with what is no code of the protocol': [(s) => s.end({ closeCode: 1000, reason: 'x' }), 1006, 'x'],
    'the stream ends': [(s) => s.control.end(), 1006, 'the gateway ended its stream'],
    'the stream ends in a message': [(s) => (s.control.push(Uint8Array.of(0, 0)), s.control.end()), 1006, 'the gateway ended its stream in the middle of a message'],
    'the stream is reset': [(s) => s.control.end(new Error('reset')), 1006, 'reset'],
    'a message is too large': [(s) => s.control.push(Uint8Array.of(0, 1, 0, 1)), 1006, 'the gateway sent a message of 65537 bytes'],
    'a stream of the gateway is reset': [
      (s) => {
        const bulk = new Feed<Uint8Array>();
        s.streams.push(bulk.readable);
        bulk.end(new Error('reset'));
      },
      1006,
      'reset',
    ],
    'a message of bulk is too large': [
      (s) => {
        const bulk = new Feed<Uint8Array>();
        s.streams.push(bulk.readable);
        bulk.push(Uint8Array.of(1, 0, 0, 0));
      },
      1006,
      'the gateway sent a message of 16777216 bytes',
    ],
  };
  for (const [what, [end, code, reason]] of Object.entries(ends)) {
    it(`is told once when ${what}`, async () => {
      const { time, session, transport, told } = await open();
      end(session);
      await time.advance(20);
      session.fail('and then everything');
      await time.advance(20);
      transport.close(1000, 'late');
      assert.deepEqual(told, [[code, reason]]);
      assert.ok(session.closedBy);
    });
  }

  it('comes before it was open when the handshake fails, and closes it', async () => {
    await assert.rejects(open((server) => (server.udp = 'refused')), /Opening handshake failed/);
  });

  it('is ordered by whoever gives up', async () => {
    const time = new FakeTime();
    const server = new FakeServer(time);
    server.udp = 'dropped';
    const abort = new AbortController();
    const events = { message: () => assert.fail(), garbage: () => assert.fail(), closed: () => assert.fail() };
    const opening = openWebTransport(ENDPOINT, events, server.environment(), abort.signal);
    const refused = assert.rejects(opening, (e: TandemError) => e.code === 'aborted');
    await time.advance(50);
    abort.abort();
    await refused;
    assert.ok(server.lastSession.closedBy);
    const never = openWebTransport(ENDPOINT, events, server.environment(), abort.signal);
    await assert.rejects(never, (e: TandemError) => e.code === 'aborted');
    assert.equal(server.sessions.length, 1);
  });
});

describe('random bytes', () => {
  it('on any channel never do more than end the session', async () => {
    const random = seeded(11);
    for (let run = 0; run < 100; run++) {
      const { time, session, told } = await open();
      for (let i = 0; i < 20; i++) {
        const bytes = Uint8Array.from({ length: Math.floor(random() * 60) }, () => (random() < 0.7 ? 0 : random() * 256));
        const feeds = [session.control, session.incoming, (session.bulk ??= new Feed())];
        feeds[Math.floor(random() * 3)]?.push(bytes);
      }
      await time.advance(20);
      assert.ok(told.filter((t) => Array.isArray(t)).length <= 1);
    }
  });
});
