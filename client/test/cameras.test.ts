import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MOST_CAMERAS, MOST_IN_CALL, MOST_MEMBERS } from '../app/cameras-call.js';
import { explainDevice } from '../app/cameras-devices.js';
import { OwnDevices } from '../app/cameras-own.js';
import type { Kind } from '../app/cameras-peer.js';
import { fromSignal, toSignal, type Message } from '../app/cameras-wire.js';
import { FakeWorld, type FakePage } from './fake-call.js';
import { fakeTrack } from './fake-peer.js';
import { seeded } from './fake-time.js';

/** Turns somebody's camera on, which brings them into the call. */
function camera(page: FakePage): void {
  page.call.join();
  page.call.setTrack('video', fakeTrack('video'));
}

/** A world in which those are in the call with their cameras on, and connected. */
async function calling(...names: string[]): Promise<{ world: FakeWorld; pages: FakePage[] }> {
  const world = new FakeWorld();
  const pages = world.enter(...names);
  pages.forEach(camera);
  await world.time.advance(1_000);
  return { world, pages };
}

describe('the call', () => {
  it('connects nobody and sends nothing before somebody comes in', async () => {
    const world = new FakeWorld();
    world.enter('ann', 'ben');
    await world.time.advance(60_000);
    assert.equal(world.air.all.size, 0);
    assert.equal(world.signals, 0);
    assert.equal(world.time.pending, 0);
  });

  it('tells those outside who is in, and connects them with nobody', async () => {
    const world = new FakeWorld();
    const [ann, ben] = world.enter('ann', 'ben');
    camera(ann!);
    await world.time.advance(1_000);
    assert.equal(ben!.sees, 'annv');
    assert.equal(ben!.call.participants[0]?.reach, undefined);
    assert.equal(world.air.all.size, 0, 'the address of a page is told to nobody before it asks to see');
  });

  it('shows everybody to everybody', async () => {
    const { pages } = await calling('ann', 'ben', 'cleo');
    assert.deepEqual(pages.map((p) => p.sees), ['ben+v cleo+v', 'ann+v cleo+v', 'ann+v ben+v']);
  });

  it('shows the others to one who has nothing on', async () => {
    const { world, pages } = await calling('ann', 'ben');
    const [cleo] = world.enter('cleo');
    cleo!.call.join();
    await world.time.advance(1_000);
    assert.equal(cleo!.sees, 'ann+v ben+v');
    assert.equal(pages[0]!.sees, 'ben+v cleo+');
  });

  it('sends what is on, and nothing else', async () => {
    const { world, pages } = await calling('ann', 'ben');
    const sent = (): (string | undefined)[] =>
      [...world.air.all].flatMap((c) => c.transceivers.map((t) => (t.sender.track ? t.kind : undefined)));
    assert.deepEqual(sent(), [undefined, 'video', undefined, 'video']);
    assert.deepEqual([...world.air.all].flatMap((c) => c.transceivers.map((t) => t.direction)), Array(4).fill('sendrecv'));
    pages[0]!.call.setTrack('audio', fakeTrack('audio'));
    await world.time.advance(100);
    assert.equal(pages[1]!.sees, 'ann+va');
    pages[0]!.call.setTrack('video', null);
    pages[0]!.call.setTrack('audio', null);
    await world.time.advance(100);
    assert.equal(pages[1]!.sees, 'ann+');
    assert.equal(sent().filter((kind) => kind).length, 1);
  });

  it('is over for who leaves it, and for who leaves the room', async () => {
    const { world, pages } = await calling('ann', 'ben', 'cleo');
    const [ann, ben, cleo] = pages;
    ben!.call.leave();
    await world.time.advance(100);
    assert.equal(ann!.sees, 'cleo+v');
    assert.equal(ben!.sees, 'annv cleov', 'outside, ben still knows who is in');
    world.leave('cleo');
    await world.time.advance(100);
    assert.equal(ann!.sees, '');
    assert.equal(cleo!.call.joined, false);
    ann!.call.leave();
    await world.time.advance(100);
    assert.equal(world.air.all.size, 0);
    assert.equal(ben!.sees, '');
    ann!.call.stop();
    ben!.call.stop();
    await world.time.advance(5_000);
    assert.equal(world.time.pending, 0, 'no timer stays behind');
  });

  it('loses a page that is loaded again, and takes it in again', async () => {
    const { world, pages } = await calling('ann', 'ben');
    world.setAway('ben', true);
    const ben = world.reload('ben');
    await world.time.advance(1_000);
    assert.equal(pages[0]!.sees, '', 'the page before is gone, and the new one is not in the call');
    assert.equal(ben.sees, 'annv');
    camera(ben);
    await world.time.advance(1_000);
    assert.equal(pages[0]!.sees, 'ben+v');
    assert.equal(ben.sees, 'ann+v');
  });

  it('goes on while a member is reconnecting, and makes good what was lost', async () => {
    const { world, pages } = await calling('ann', 'ben');
    const [ann, ben] = pages;
    world.setAway('ben', true);
    ann!.call.setTrack('audio', fakeTrack('audio'));
    await world.time.advance(5_000);
    assert.equal(ann!.sees, 'ben+v', 'pictures do not go over the gateway');
    assert.equal(ben!.sees, 'ann+v', 'this was lost');
    world.setAway('ben', false);
    await world.time.advance(200);
    assert.equal(ben!.sees, 'ann+va');
  });

  it('uses the servers that the gateway names, and their new passwords', async () => {
    const { world } = await calling('ann', 'ben');
    const used = (): unknown[] => [...world.air.all].map((c) => c.configuration.iceServers);
    assert.deepEqual(used(), Array(2).fill([{ urls: ['stun:stun.example'] }]));
    world.iceServers = [{ urls: ['turn:turn.example'], username: '2:m_ann', credential: 'new' }];
    world.setAway('ben', true);
    world.setAway('ben', false);
    assert.deepEqual(used(), Array(2).fill(world.iceServers));
  });

  it('connects with one who was reconnecting when it was called', async () => {
    const world = new FakeWorld();
    const [ann, ben] = world.enter('ann', 'ben');
    camera(ann!);
    camera(ben!);
    // The offers are on their way now.
    await world.time.advance(50);
    world.setAway('ben', true);
    await world.time.advance(10_000);
    assert.notEqual(ann!.sees, 'ben+v');
    world.setAway('ben', false);
    await world.time.advance(500);
    assert.equal(ann!.sees, 'ben+v');
    assert.equal(ben!.sees, 'ann+v');
  });

  it('finds another way when the first one breaks', async () => {
    const { world, pages } = await calling('ann', 'ben');
    world.air.open = false;
    world.air.changed();
    await world.time.advance(3_000);
    assert.equal(pages[0]!.sees, 'benv');
    world.air.open = true;
    await world.time.advance(10_000);
    assert.equal(pages[0]!.sees, 'ben+v');
  });

  it('connects at once though both sides call at the same time', async () => {
    const { world, pages } = await calling('ann', 'ben');
    world.air.open = false;
    world.air.changed();
    world.air.open = true;
    assert.equal(pages[0]!.sees, 'benv');
    await world.time.advance(200);
    assert.equal(pages[0]!.sees, 'ben+v');
    assert.equal(pages[1]!.sees, 'ann+v');
    const { signals } = world;
    await world.time.advance(5_000);
    assert.equal(world.signals, signals, 'both are content');
  });

  it('gives up where no way leads, and tries again when somebody comes back', async () => {
    const world = new FakeWorld();
    const [ann, ben] = world.enter('ann', 'ben');
    world.air.open = false;
    camera(ann!);
    camera(ben!);
    await world.time.advance(1_000);
    assert.equal(ann!.call.participants[0]?.reach, 'connecting');
    await world.time.advance(300_000);
    assert.equal(ann!.call.participants[0]?.reach, 'unreachable');
    const before = world.air.ufrags;
    await world.time.advance(300_000);
    assert.equal(world.air.ufrags, before, 'it has stopped trying');
    world.air.open = true;
    world.setAway('ben', true);
    world.setAway('ben', false);
    await world.time.advance(5_000);
    assert.equal(ann!.sees, 'ben+v');
  });

  it('has at most so many cameras on, whoever was last is refused', async () => {
    const names = Array.from({ length: MOST_CAMERAS + 2 }, (_, i) => `m${i}`);
    const { world, pages } = await calling(...names);
    await world.time.advance(1_000);
    const on = pages.filter((p) => p.call.camera);
    assert.deepEqual(on.map((p) => p.name), names.slice(0, MOST_CAMERAS));
    const refused = pages.flatMap((p) => p.refused);
    assert.deepEqual(refused.map((track) => track?.kind), ['video', 'video'], 'for their owners to turn off');
    assert.ok(pages.every((p) => p.call.joined), 'they still see the others');
  });

  it('refuses whom it has no place for', async () => {
    const names = Array.from({ length: MOST_IN_CALL + 1 }, (_, i) => `m${i}`);
    const world = new FakeWorld();
    const pages = world.enter(...names);
    for (const page of pages) {
      page.call.join();
      await world.time.advance(100);
    }
    assert.equal(pages.filter((p) => p.call.joined).length, MOST_IN_CALL);
    assert.equal(pages.at(-1)!.call.refusal, 'call_full');
    world.enter(...Array.from({ length: MOST_MEMBERS }, (_, i) => `more${i}`));
    const outside = pages.at(-1)!;
    pages[0]!.call.leave();
    await world.time.advance(100);
    assert.equal(outside.call.refusal, 'room_too_large');
  });

  it('forgets who fell silent', async () => {
    const world = new FakeWorld();
    const [ann, ben] = world.enter('ann', 'ben');
    camera(ann!);
    await world.time.advance(1_000);
    assert.equal(ben!.sees, 'annv');
    world.loses = () => true;
    ann!.call.leave();
    await world.time.advance(120_000);
    assert.equal(ben!.sees, '');
    assert.equal(world.time.pending, 0);
  });

  it('connects in the end, whatever was lost and whoever called first', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seeded(seed);
      const world = new FakeWorld();
      const pages = world.enter('ann', 'ben', 'cleo');
      world.loses = () => random() < 0.3;
      world.air.operationMs = () => random() * 30;
      for (const page of pages) {
        camera(page);
        await world.time.advance(random() * 200);
      }
      for (let i = 0; i < 4; i++) {
        const page = pages[Math.floor(random() * 3)]!;
        world.setAway(page.name, !page.away);
        // Both sides at once, at times.
        if (random() < 0.5) world.air.open = !world.air.open;
        world.air.changed();
        await world.time.advance(random() * 3_000);
      }
      world.loses = () => false;
      world.air.open = true;
      for (const page of pages) if (page.away) world.setAway(page.name, false);
      await world.time.advance(60_000);
      assert.deepEqual(pages.map((p) => p.sees), ['ben+v cleo+v', 'ann+v cleo+v', 'ann+v ben+v'], `seed ${seed}`);

      // And at once, when only the way broke.
      world.air.open = false;
      world.air.changed();
      world.air.open = true;
      await world.time.advance(1_000);
      assert.deepEqual(pages.map((p) => p.sees), ['ben+v cleo+v', 'ann+v cleo+v', 'ann+v ben+v'], `seed ${seed}, again`);
    }
  });
});

describe('a signal about cameras', () => {
  it('is read as it was written', () => {
    const messages: Message[] = [
      { type: 'here', call: 'a', with: 'b', microphone: true, camera: 5 },
      { type: 'here', call: 'a', with: undefined, microphone: false, camera: undefined },
      { type: 'gone', call: 'a' },
      { type: 'negotiate', call: 'a', with: 'b', description: { type: 'offer', sdp: 'x' }, candidate: undefined },
    ];
    for (const message of messages) {
      const wire: unknown = JSON.parse(JSON.stringify(toSignal(message)));
      assert.deepEqual(fromSignal(wire), message);
    }
  });

  it('is none when it is not understood, whatever another member sends', () => {
    const good = { app: 'cameras/1', type: 'negotiate', call: 'a', with: 'b', description: { type: 'offer', sdp: 'x' } };
    assert.ok(fromSignal(good));
    for (const change of [
      { app: 'other' },
      { type: 'dance' },
      { type: 'toString' },
      { call: '' },
      { call: 'x'.repeat(65) },
      { call: {} },
      { with: 7 },
      { with: undefined },
      { description: { type: 'rollback', sdp: 'x' } },
      { description: { type: 'offer', sdp: 'x'.repeat(30_001) } },
      { description: 'offer' },
      { description: null },
      { description: undefined, candidate: { candidate: 'x'.repeat(2_001) } },
      { type: 'here', camera: 'yes' },
      { type: 'here', camera: null },
    ]) {
      assert.equal(fromSignal({ ...good, ...change }), undefined, JSON.stringify(change).slice(0, 80));
    }
    for (const data of [undefined, null, 1, 'cameras/1', [], { app: 'cameras/1' }]) assert.equal(fromSignal(data), undefined);
  });

  it('of somebody who is not here does nothing', async () => {
    const { world, pages } = await calling('ann', 'ben');
    const data = toSignal({ type: 'here', call: 'x', microphone: true, camera: 1 });
    pages[0]!.emitter.emit('signal', { type: 'signal', from: 'nobody', data });
    await world.time.advance(100);
    assert.equal(pages[0]!.sees, 'ben+v');
  });
});

describe('a device that does not open', () => {
  for (const [name, message, words] of [
    ['InsecureContextError', '', /https/],
    ['NotAllowedError', 'Permission denied', /not allowed here/],
    ['NotAllowedError', 'Permission denied by system', /This computer/],
    ['NotAllowedError', 'Permission dismissed', /without an answer/],
    ['NotFoundError', 'Requested device not found', /No camera was found/],
    ['NotReadableError', 'Could not start video source', /another program/],
    ['SecurityError', '', /turn the camera off/],
    ['TypeError', 'odd', /does not start \(odd\)/],
  ] as const) {
    it(`says why and what to do: ${name} ${message}`, () => {
      assert.match(explainDevice('video', new DOMException(message, name)), words);
      assert.match(explainDevice('audio', new DOMException(message, name)), /microphone/);
    });
  }
});

/** Somebody's devices: the browser has asked, and `answer` is what the user says. */
function devicesOf(page: FakePage) {
  const answers: ((track: MediaStreamTrack | Error) => void)[] = [];
  const said: string[] = [];
  const devices = new OwnDevices({
    call: page.call,
    open: () => new Promise((resolve, reject) => answers.push((a) => (a instanceof Error ? reject(a) : resolve(a)))),
    say: (problem) => void said.push(problem),
  });
  const allow = (kind: Kind): { on: boolean } => {
    const track = Object.assign(new EventTarget(), { kind, on: true, stop: () => (track.on = false) });
    answers.shift()!(track as unknown as MediaStreamTrack);
    return track;
  };
  const deny = (name: string): void => answers.shift()!(new DOMException('Permission denied', name));
  return { devices, said, allow, deny };
}

describe('the own camera', () => {
  it('is on once the browser is allowed, and off at the next push', async () => {
    const world = new FakeWorld();
    const [ann] = world.enter('ann', 'ben');
    const { devices, allow } = devicesOf(ann!);
    const on = devices.toggle('video');
    void devices.toggle('video');
    const track = allow('video');
    await on;
    assert.equal(ann!.call.camera, track, 'two pushes ask once');
    await devices.toggle('video');
    assert.deepEqual([ann!.call.camera, track.on, ann!.call.joined], [null, false, true]);
  });

  it('stays off when the call was left before the answer', async () => {
    const { world, pages } = await calling('ann', 'ben');
    const [ann, ben] = pages;
    ann!.call.setTrack('video', null);
    const { devices, said, allow, deny } = devicesOf(ann!);
    const late = devices.toggle('video');
    const later = devices.toggle('audio');
    devices.leave();
    const track = allow('video');
    await late;
    deny('NotAllowedError');
    await later;
    await world.time.advance(1_000);
    assert.deepEqual([ann!.call.joined, ann!.call.camera, track.on], [false, null, false]);
    assert.equal(ben!.sees, '');
    assert.deepEqual(said, ['', ''], 'nothing is said of what nobody wants any more');
  });

  it('is not turned on by an answer from before, once there is a new question', async () => {
    const [page] = new FakeWorld().enter('ann');
    page!.call.join();
    const { devices, allow } = devicesOf(page!);
    const before = devices.toggle('video');
    devices.leave();
    page!.call.join();
    const again = devices.toggle('video');
    const old = allow('video');
    await before;
    assert.deepEqual([old.on, page!.call.camera], [false, null]);
    const track = allow('video');
    await again;
    assert.equal(page!.call.camera, track);
  });

  it('says why when the call has filled up before the answer', async () => {
    const world = new FakeWorld();
    const [ann] = world.enter('ann');
    const { devices, said, allow } = devicesOf(ann!);
    const late = devices.toggle('video');
    world.enter(...Array.from({ length: MOST_MEMBERS }, (_, i) => `guest-${i}`));
    const track = allow('video');
    await late;
    assert.deepEqual([ann!.call.joined, track.on], [false, false]);
    assert.match(said.at(-1)!, /up to 30 people/);
  });
});
