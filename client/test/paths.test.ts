import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Environment } from '../src/environment.js';
import { Paths } from '../src/paths.js';
import { FakeTime } from './fake-time.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function memoryStore(): { getItem(key: string): string | null; setItem(key: string, value: string): void } {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
}

function paths(overrides: Partial<Environment> = {}, gateway = 'https://a.example'): { time: FakeTime; paths: Paths } {
  const time = new FakeTime();
  return { time, paths: new Paths(time.environment(overrides), gateway) };
}

/** For how many milliseconds it drops, to the minute. */
async function dropsFor(time: FakeTime, path: Paths): Promise<number> {
  let ms = 0;
  for (; path.drops; ms += MINUTE) await time.advance(MINUTE);
  return ms;
}

describe('a network that dropped UDP', () => {
  it('is left alone for 10 minutes, then for twice as long each time, up to a day', async () => {
    const { time, paths: path } = paths();
    assert.equal(path.drops, false);
    const minutes = [];
    for (let i = 0; i < 10; i++) {
      path.dropped();
      minutes.push((await dropsFor(time, path)) / MINUTE);
    }
    assert.deepEqual(minutes, [10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440]);
  });

  it('is not counted again while it is left alone', async () => {
    const { time, paths: path } = paths();
    path.dropped();
    path.dropped();
    assert.equal(await dropsFor(time, path), 10 * MINUTE);
    path.dropped();
    assert.equal(await dropsFor(time, path), 20 * MINUTE);
  });

  it('starts over once UDP gets through, unless that did not last', async () => {
    const { time, paths: path } = paths();
    path.dropped();
    await dropsFor(time, path);
    path.dropped();
    await dropsFor(time, path);
    assert.equal(path.works(), 2);
    assert.equal(path.works(), 0);
    path.dropped();
    assert.equal(await dropsFor(time, path), 10 * MINUTE);
    path.works();
    path.dropped(2);
    assert.equal(await dropsFor(time, path), 40 * MINUTE);
  });

  it('is tried again when the device may be elsewhere, with what was counted', async () => {
    const { time, paths: path } = paths();
    path.dropped();
    path.retry();
    assert.equal(path.drops, false);
    path.dropped();
    assert.equal(await dropsFor(time, path), 20 * MINUTE);
  });

  it('is told from others by the gateway and the kind of network', () => {
    let network = 'wifi';
    const store = memoryStore();
    const { time, paths: a } = paths({ network: () => network, store: () => store });
    const b = new Paths(time.environment({ network: () => network, store: () => store }), 'https://b.example');
    a.dropped();
    assert.deepEqual([a.drops, b.drops], [true, false]);
    network = 'cellular';
    assert.equal(a.drops, false);
    network = 'wifi';
    assert.equal(a.drops, true);
  });

  it('is remembered over reloads where there is a store', async () => {
    const store = memoryStore();
    const { time, paths: before } = paths({ store: () => store });
    before.dropped();
    const after = new Paths(time.environment({ store: () => store }), 'https://a.example');
    assert.equal(await dropsFor(time, after), 10 * MINUTE);
    assert.equal(new Paths(time.environment(), 'https://a.example').drops, false);
  });

  it('is remembered as long as the page where the store is blocked, full, or holds something else', () => {
    const broken = [
      { getItem: () => null, setItem: () => { throw new Error('full'); } },
      { getItem: () => { throw new Error('blocked'); }, setItem: () => { throw new Error('blocked'); } },
      { getItem: () => '7', setItem: () => undefined },
      { getItem: () => '{', setItem: () => undefined },
    ];
    for (const store of broken) {
      const { paths: path } = paths({ store: () => store });
      path.dropped();
      assert.equal(path.drops, true);
    }
  });

  it('is not left alone for longer than a day, whatever the wall clock does', () => {
    let date = 1e12;
    const { paths: path } = paths({ date: () => date });
    path.dropped();
    date -= 30 * 24 * HOUR;
    assert.equal(path.drops, false);
  });

  it('does not fill the store', () => {
    const store = memoryStore();
    const { time } = paths();
    for (let i = 0; i < 100; i++) {
      new Paths(time.environment({ store: () => store }), `https://${i}.example`).dropped();
    }
    assert.equal(Object.keys(JSON.parse(store.getItem('tandem.networks') ?? '') as object).length, 20);
  });
});
