import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FakeExtension, FakeRoom } from './fake-extension.js';

/** Lets everything happen that waits for nothing. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

/** Makes a promise that is settled by hand. */
function pending<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

describe('the worker of the extension', () => {
  let extension: FakeExtension;
  beforeEach(async () => {
    extension = new FakeExtension();
    await extension.start();
  });
  afterEach(() => extension.end());

  it('keeps the larger video of a tab', async () => {
    await extension.ask('create');
    const [large, small] = [extension.connect(), extension.connect()];
    await settled();
    large.onMessage.emit({ area: 500 });
    small.onMessage.emit({ area: 100 });
    assert.deepEqual([large.told.at(-1), small.told.at(-1)], [{ chosen: true }, { chosen: false }]);
    large.vanish();
    assert.deepEqual(small.told.at(-1), { chosen: true });
  });

  for (const heard of [true, false]) {
    it(`goes on with a tab whose frame is gone while it comes back, ${heard ? 'as it hears' : 'before it hears of it'}`, async () => {
      const coming = pending<FakeRoom>();
      extension.seats.set('seat-1', { server: 'https://tandem.example', name: 'Ann', room: 'x', seat: 's' });
      extension.enters = () => coming.promise;
      const gone = extension.connect();
      const there = extension.connect();
      await settled();
      gone.vanish(heard);
      coming.resolve(new FakeRoom());
      await settled();
      there.onMessage.emit({ area: 100 });
      assert.deepEqual(there.told.at(-1), { chosen: true });
    });
  }

  it('tells a frame of a tab in no room that it is over', async () => {
    const port = extension.connect();
    await settled();
    assert.deepEqual(port.told, [{ over: true }]);
  });

  it('leaves a room again whose tab it may not reach', async () => {
    const room = new FakeRoom();
    extension.enters = () => Promise.resolve(room);
    extension.injects = () => Promise.reject(new Error('Cannot access a chrome:// URL'));
    const { error } = await extension.ask('create');
    assert.match(error!.message, /chrome:/);
    await settled();
    assert.equal(room.left, 1);
    assert.equal(extension.seats.size, 0);
    assert.deepEqual(await extension.ask('look'), {}, 'it does not come back to it');
  });

  it('stays in the next room when one from before is closed', async () => {
    const [first, second] = [new FakeRoom('first'), new FakeRoom('second')];
    const rooms = [first, second];
    extension.enters = () => Promise.resolve(rooms.shift()!);
    await extension.ask('create');
    await extension.ask('join');
    first.connect('closed');
    await settled();
    assert.deepEqual([first.left, second.left], [1, 0]);
    assert.equal((await extension.ask('look')).code, '7Q2K9XHF3BTW');
    first.connect('connected');
    await settled();
    assert.equal((extension.seats.get('seat-1') as FakeRoom).seat, 'second');
    second.connect('closed');
    await settled();
    assert.deepEqual(await extension.ask('look'), {});
  });

  it('is in one room when it is asked twice at once', async () => {
    const rooms: FakeRoom[] = [];
    extension.enters = async () => {
      await turn();
      rooms.push(new FakeRoom(`seat ${rooms.length}`));
      return rooms.at(-1)!;
    };
    await Promise.all([extension.ask('create'), extension.ask('create')]);
    assert.deepEqual(rooms.map((r) => r.left), [1, 0]);
    assert.equal((extension.seats.get('seat-1') as FakeRoom).seat, 'seat 1');
  });
});

describe('the page of one’s own', () => {
  it('keeps the seat that it has, also after another one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tandem-page-'));
    try {
      const store = new Map<string, string>();
      const elements = new Map<string, EventTarget & { value: string }>();
      const element = (id: string) => {
        if (!elements.has(id)) elements.set(id, Object.assign(new EventTarget(), { value: 'Ann' }));
        return elements.get(id)!;
      };
      const listeners = new Map<string, (value: unknown) => void>();
      const room = {
        state: { id: 'X', members: [] },
        seat: 'one' as string | undefined,
        subscribe: () => undefined,
        on: (event: string, listener: (value: unknown) => void) => listeners.set(event, listener),
      };
      const sessionStorage = {
        getItem: (key: string) => store.get(key) ?? null,
        setItem: (key: string, value: string) => store.set(key, String(value)),
      };
      Object.assign(globalThis, {
        document: { getElementById: element },
        location: { hash: '', href: 'https://site.example/#X' },
        fakeSdk: { createRoom: () => Promise.resolve(room), joinRoom: undefined, synchronise: () => ({ stop: () => undefined }) },
      });
      Object.defineProperty(globalThis, 'sessionStorage', { value: sessionStorage, configurable: true });
      const sdk = join(folder, 'tandem.mjs');
      writeFileSync(sdk, 'export const { createRoom, joinRoom, synchronise } = globalThis.fakeSdk;');
      const served = 'http://localhost:4001/sdk/v1/tandem.js';
      const text = readFileSync('examples/page/watch.js', 'utf8');
      assert.ok(text.includes(served));
      writeFileSync(join(folder, 'watch.mjs'), text.replace(served, pathToFileURL(sdk).href));
      await import(pathToFileURL(join(folder, 'watch.mjs')).href);
      element('form').dispatchEvent(new Event('submit'));
      await settled();
      assert.equal(store.get('X'), 'one');
      // Away for longer than its seat is kept.
      room.seat = undefined;
      listeners.get('connection')!({ state: 'reconnecting' });
      assert.equal(store.get('X'), 'one');
      room.seat = 'two';
      listeners.get('connection')!({ state: 'connected' });
      assert.equal(store.get('X'), 'two');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
