import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRoom, joinRoom, lookUpRoom } from '../src/create.js';
import { FakeServer } from './fake-server.js';
import { FakeTime } from './fake-time.js';
import { joinedRoom, newRoom, watchPromise } from './rooms.js';

describe('giving up', () => {
  it('stops getting in, and leaves nothing behind', async () => {
    const { time, server, room } = newRoom();
    const giveUp = new AbortController();
    const joining = watchPromise(room.join(giveUp.signal));
    await time.advance(100);
    assert.equal(joining.outcome, 'pending');
    giveUp.abort();
    await time.advance(0);
    assert.equal(joining.outcome, 'aborted');
    assert.equal(room.connection.state, 'closed');
    assert.ok(server.last.closed, 'the connection is closed');
    await time.advance(60_000);
    assert.equal(server.sockets.length, 1, 'no other attempt follows');
    assert.equal(time.pending, 0);
  });

  it('before it began connects nowhere', async () => {
    const { time, server, room } = newRoom();
    const joining = watchPromise(room.join(AbortSignal.abort()));
    await time.advance(100);
    assert.equal(joining.outcome, 'aborted');
    assert.equal(server.sockets.length, 0);
    assert.equal(time.pending, 0);
  });

  it('has no effect once in', async () => {
    const { time, server, room } = newRoom();
    server.welcomeAll();
    const giveUp = new AbortController();
    const joining = watchPromise(room.join(giveUp.signal));
    await time.advance(100);
    assert.equal(joining.outcome, undefined);
    giveUp.abort();
    await time.advance(100);
    assert.equal(room.connection.state, 'connected');
  });

  it('reaches every way in', async () => {
    const time = new FakeTime();
    const server = new FakeServer(time);
    const fetch = (_: string, init?: RequestInit): Promise<Response> =>
      new Promise((_, reject) => {
        if (init?.signal?.aborted) reject(new Error('aborted'));
        init?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
      });
    const environment = { ...server.environment({ fetch }) };
    const giveUp = new AbortController();
    const options = { server: 'https://gateway.example', signal: giveUp.signal, environment };
    const all = [
      createRoom({ ...options, name: 'Ann' }),
      joinRoom({ ...options, name: 'Ann', room: 'x' }),
      lookUpRoom('x', options),
    ].map(watchPromise);
    await time.advance(10);
    giveUp.abort();
    await time.advance(10);
    assert.deepEqual(
      all.map(({ outcome }) => outcome),
      ['aborted', 'aborted', 'aborted'],
    );
  });
});

describe('listening', () => {
  it('ends by the returned function or by the signal, whichever comes first', async () => {
    const { time, server, room } = await joinedRoom();
    const heard: string[] = [];
    const over = new AbortController();
    room.on('reaction', () => heard.push('signal'), { signal: over.signal });
    const stop = room.on('reaction', () => heard.push('stop'), { signal: over.signal });
    room.on('reaction', () => heard.push('never'), { signal: AbortSignal.abort() });
    const react = async (): Promise<void> => {
      server.last.tell({ type: 'reaction', member: 'm_ann', reaction: '👍' });
      await time.advance(100);
    };
    await react();
    stop();
    await react();
    over.abort();
    await react();
    assert.deepEqual(heard, ['signal', 'stop', 'signal']);
  });
});
