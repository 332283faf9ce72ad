import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Synchroniser } from '../src/player/synchroniser.js';
import type { SyncOptions } from '../src/player/types.js';
import { positionAt, type Gate, type Status, type Timeline } from '../src/protocol/index.js';
import type { AttachedPlayer } from '../src/room.js';
import { emptyRoom, type RoomState } from '../src/state.js';
import { CLUSTER_OFFSET } from './fake-server.js';
import { FakeTime, seeded } from './fake-time.js';
import { SimPlayer, type Device } from './sim-player.js';

const FRAME = 1 / 30;

/** A room with a perfect clock, whose timeline a test sets. */
class TestRoom {
  state: RoomState = { ...emptyRoom, self: 'm_ann', timeline: { ...emptyRoom.timeline, at: CLUSTER_OFFSET, number: 1 } };
  readonly commands: string[] = [];
  readonly reports: { readonly at: number; readonly status: Status }[] = [];
  /** What a command comes to: done at once unless a test says otherwise. */
  answer: (command: string) => Promise<number> = () => Promise.resolve(1);
  player: AttachedPlayer | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(readonly time: FakeTime) {}

  readonly clock = {
    now: () => this.clock.at(this.time.now()),
    at: (localMs: number) => CLUSTER_OFFSET + localMs * 1000,
    localAt: (time: number) => (time - CLUSTER_OFFSET) / 1000,
    errorMs: 1,
    rttMs: 20,
  };

  position(): number {
    return positionAt(this.state.timeline, this.clock.now());
  }

  /** A new timeline from so many milliseconds ahead. */
  set(change: Partial<Timeline>, inMs = 0): void {
    const at = this.clock.now() + inMs * 1000;
    const number = this.state.timeline.number + 1;
    this.update({ timeline: { ...this.state.timeline, at, ...change, number }, gate: undefined });
  }

  update(change: Partial<RoomState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }

  on(_: 'state', listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  attachPlayer(player: AttachedPlayer): () => void {
    this.player = player;
    return () => (this.player = undefined);
  }

  #command(command: string): Promise<number> {
    this.commands.push(command);
    return this.answer(command);
  }

  play = (options: { position?: number } = {}): Promise<number> => this.#command(`play ${options.position ?? ''}`.trim());
  pause = (position?: number): Promise<number> => this.#command(`pause ${position?.toFixed(3) ?? ''}`.trim());
  seek = (position: number): Promise<number> => this.#command(`seek ${position.toFixed(3)}`);
  ready = (gate: number): Promise<number> => this.#command(`ready ${gate}`);
  report = (status: Status): boolean => {
    this.reports.push({ at: this.time.now(), status });
    return true;
  };
}

interface Stage {
  time: FakeTime;
  room: TestRoom;
  player: SimPlayer;
  sync: Synchroniser;
  /** How far the player is off the timeline now, in seconds. */
  off(): number;
  seeks(): number;
}

function stage(device: Partial<Device> = {}, options: SyncOptions = {}, prepare?: (player: SimPlayer, room: TestRoom) => void): Stage {
  const time = new FakeTime();
  const room = new TestRoom(time);
  const player = new SimPlayer(time, device);
  prepare?.(player, room);
  const sync = new Synchroniser(room, player, time.environment(), options);
  return {
    time,
    room,
    player,
    sync,
    off: () => player.position - room.position(),
    seeks: () => player.done.filter((d) => d.what === 'seek').length,
  };
}

/** A player that has been playing for long enough to have learned its device. */
async function playing(device: Partial<Device> = {}, options: SyncOptions = {}): Promise<Stage> {
  const s = stage(device, options);
  s.room.set({ playing: true }, 200);
  await s.time.advance(8_000);
  assert.ok(s.player.moving && Math.abs(s.off()) < 0.003, `${s.off()}`);
  s.player.done.length = 0;
  return s;
}

describe('a scheduled start', () => {
  it('comes within a frame on a device never seen before, and to a few milliseconds once it is known', async () => {
    for (const playMs of [0, 30, 67, 92, 95]) {
      const s = stage({ playMs });
      s.room.set({ playing: true }, 200);
      await s.time.advance(199);
      assert.ok(!s.player.moving || playMs < 70);
      await s.time.advance(150);
      if (Math.abs(playMs - 70) < 33) assert.ok(Math.abs(s.off()) < FRAME, `${playMs}: ${s.off()}`);
      await s.time.advance(5_000);
      s.room.set({ playing: false, position: s.player.position });
      await s.time.advance(500);
      s.room.set({ playing: true }, 200);
      await s.time.advance(350);
      assert.ok(Math.abs(s.off()) < 0.003, `${playMs}: ${s.off()}`);
      assert.ok(Math.abs(s.sync.stats.playLatencyMs - playMs) < 3);
    }
  });

  it('does not stop what it has just started', async () => {
    const s = stage({ playMs: 5 });
    s.room.set({ playing: true }, 200);
    await s.time.advance(1_000);
    assert.deepEqual(s.player.done.filter((d) => d.what === 'pause'), []);
    assert.equal(s.seeks(), 0);
  });

  it('waits for media that loads later, and joins it where the room is', async () => {
    const s = stage({}, {}, (player) => (player.loaded = false));
    s.room.set({ playing: true }, 100);
    await s.time.advance(3_000);
    assert.equal(s.player.done.length, 0);
    s.player.load();
    await s.time.advance(600);
    assert.ok(s.player.moving && Math.abs(s.off()) < FRAME, `${s.off()}`);
  });
});

describe('a pause', () => {
  it('stops at once, and then stands exactly where it was stamped, flushed', async () => {
    const s = await playing();
    const stamped = s.room.position() - 0.013;
    s.room.set({ playing: false, position: stamped });
    assert.ok(s.player.paused);
    await s.time.advance(200);
    assert.equal(s.player.position, stamped);
    assert.equal(s.seeks(), 1);
  });

  it('flushes even where the player happens to stand already', async () => {
    const s = await playing();
    s.room.set({ playing: false, position: s.player.position });
    const stamped = s.room.position();
    await s.time.advance(300);
    assert.equal(s.player.position, stamped);
    s.room.set({ playing: true }, 200);
    await s.time.advance(350);
    // Without the flush it would have started 70 ms early.
    assert.ok(Math.abs(s.off()) < 0.005, `${s.off()}`);
  });

  it('accepts where the seek went on media that cannot be sought to every instant', async () => {
    const s = await playing({ seekGrid: 0.04 });
    s.room.set({ playing: false, position: 7.013 });
    await s.time.advance(3_000);
    assert.equal(s.seeks(), 1);
    s.room.set({ playing: true }, 200);
    await s.time.advance(400);
    assert.ok(Math.abs(s.off()) < FRAME, `${s.off()}`);
  });
});

describe('a late joiner', () => {
  it('seeks ahead of the room and starts on the timeline', async () => {
    const s = stage({}, {}, (_, room) => room.set({ playing: true, position: 20 }));
    await s.time.advance(700);
    assert.ok(s.player.moving && Math.abs(s.off()) < FRAME, `${s.off()}`);
    assert.equal(s.seeks(), 1);
  });

  it('tries again with a larger lead when seeks take longer than thought, three times at most', async () => {
    for (const seekMs of [300, 900, 2_500]) {
      const s = stage({ seekMs }, {}, (_, room) => room.set({ playing: true, position: 10 }));
      s.player.duration = 600;
      await s.time.advance(9_900);
      assert.ok(s.seeks() <= 3, `${s.seeks()} seeks of ${seekMs} ms`);
      await s.time.advance(20_000);
      assert.ok(Math.abs(s.off()) < 0.003, `${s.off()} with seeks of ${seekMs} ms`);
      assert.equal(s.player.seeksOverSeeks, 0);
    }
  });

  it('to a room that stands just goes there', async () => {
    const s = stage({}, {}, (_, room) => room.set({ position: 33.25 }));
    await s.time.advance(100);
    assert.equal(s.player.position, 33.25);
    assert.ok(s.player.paused);
  });

  it('after the end of the media stands at its end', async () => {
    const s = stage({}, {}, (_, room) => room.set({ playing: true, position: 500 }));
    await s.time.advance(500);
    assert.equal(s.player.position, 60);
    assert.ok(s.player.paused);
  });
});

describe('a seek of the room', () => {
  it('stops, goes there, and starts with the others', async () => {
    const s = await playing();
    s.room.set({ position: 40 }, 250);
    assert.ok(s.player.paused);
    await s.time.advance(240);
    assert.equal(s.player.position, 40);
    await s.time.advance(60);
    assert.ok(s.player.moving && Math.abs(s.off()) < FRAME, `${s.off()}`);
    assert.equal(s.seeks(), 1);
  });

  it('in a storm never starts a seek over a seek, and lands on the last', async () => {
    for (let seed = 1; seed <= 25; seed++) {
      const s = await playing({ seekMs: 20 + seed * 6, playMs: 95 - seed * 3 });
      const random = seeded(seed);
      for (let i = 0; i < 30; i++) {
        const lead = 60 + random() * 300;
        const position = random() * 30;
        if (random() < 0.3) s.room.set({ playing: false, position });
        else if (random() < 0.5) s.room.set({ playing: true, position }, lead);
        else s.room.set({ playing: true, position: s.room.position() }, lead);
        await s.time.advance(random() * 200);
      }
      s.room.set({ playing: true, position: 15 }, 300);
      assert.equal(s.player.seeksOverSeeks, 0);
      await s.time.advance(8_000);
      assert.ok(s.player.moving && Math.abs(s.off()) < 0.003, `seed ${seed}: ${s.off()}`);
    }
  });
});

describe('the corrective step', () => {
  it('brings small offsets in with a rate nobody hears, and without a seek', async () => {
    for (const offset of [-0.03, -0.006, 0.004, 0.02]) {
      const s = await playing();
      s.room.set({ position: s.room.position() - offset });
      await s.time.advance(8_000);
      assert.ok(Math.abs(s.off()) < 0.002, `${offset}: ${s.off()}`);
      assert.equal(s.seeks(), 0);
      for (const { what, value = 1 } of s.player.done) {
        assert.equal(what, 'rate');
        assert.ok(Math.abs(value - 1) <= 0.01 + 1e-9, `${value}`);
      }
    }
  });

  it('brings larger ones in at 5 % at most, allowing for the set-back', async () => {
    for (const offset of [-0.35, -0.12, 0.05, 0.3]) {
      const s = await playing();
      s.room.set({ position: s.room.position() - offset });
      await s.time.advance(20_000);
      assert.ok(Math.abs(s.off()) < 0.002, `${offset}: ${s.off()}`);
      assert.equal(s.seeks(), 0);
      for (const { value = 1 } of s.player.done) assert.ok(Math.abs(value - 1) <= 0.05 + 1e-9, `${value}`);
    }
  });

  it('seeks once beyond 0.4 s', async () => {
    const s = await playing();
    s.room.set({ position: s.room.position() + 0.7 });
    await s.time.advance(2_000);
    assert.ok(Math.abs(s.off()) < 0.003, `${s.off()}`);
    assert.equal(s.seeks(), 1);
  });

  it('is done with after it has worked: ten minutes of steady play need no seek and no change of rate', async () => {
    const s = await playing();
    s.player.duration = 2_000;
    await s.time.advance(600_000);
    assert.deepEqual(s.player.done, []);
  });

  it('works at another rate of the room too', async () => {
    const s = await playing();
    s.player.duration = 600;
    s.room.set({ position: s.room.position(), rate: 1.5 });
    assert.equal(s.player.rate, 1.5);
    await s.time.advance(10_000);
    assert.ok(Math.abs(s.off()) < 0.003, `${s.off()}`);
    assert.equal(s.player.rate, 1.5);
    assert.equal(s.seeks(), 0);
  });
});

describe('a starved player', () => {
  it('goes on by itself after a short stall, and catches up with a seek after a longer one', async () => {
    for (const [stall, seeks] of [
      [250, 0],
      [1_500, 1],
    ] as const) {
      const s = await playing();
      s.player.starve(s.player.position + 0.5);
      await s.time.advance(500 + stall);
      assert.equal(s.sync.stats.buffering, true);
      s.player.feed();
      await s.time.advance(700);
      assert.equal(s.sync.stats.buffering, false);
      assert.ok(Math.abs(s.off()) < (seeks ? 0.04 : 0.4), `${s.off()}`);
      await s.time.advance(10_000);
      assert.ok(Math.abs(s.off()) < 0.003, `${s.off()}`);
      assert.equal(s.seeks(), seeks);
    }
  });

  it('that starves again and again does not seek in a loop', async () => {
    const s = await playing();
    s.player.duration = 600;
    for (let i = 0; i < 60; i++) {
      s.player.starve(s.player.position + 0.2);
      await s.time.advance(800);
      s.player.feed();
      await s.time.advance(200);
    }
    assert.ok(s.seeks() <= 3 * 6 + 3, `${s.seeks()} seeks in a minute`);
    assert.equal(s.player.seeksOverSeeks, 0);
  });
});

describe('the ready gate', () => {
  const gate: Gate = { number: 7, waiting: ['m_ann', 'm_ben'], needed: 2, deadline: CLUSTER_OFFSET + 1e9 };

  it('is answered once, when the player stands there and has data', async () => {
    const s = await playing();
    s.player.starve(30);
    s.room.set({ playing: false, position: 40 });
    s.room.update({ gate });
    await s.time.advance(500);
    assert.deepEqual(s.room.commands, []);
    assert.equal(s.sync.stats.buffering, true);
    s.player.feed();
    await s.time.advance(50);
    assert.deepEqual(s.room.commands, ['ready 7']);
    s.room.update({ gate: { ...gate, ready: ['m_ann'] } });
    await s.time.advance(500);
    assert.deepEqual(s.room.commands, ['ready 7']);
    assert.ok(s.player.paused);
    s.room.set({ playing: true, position: 40 }, 150);
    await s.time.advance(200);
    assert.ok(s.player.moving && Math.abs(s.off()) < FRAME);
  });

  it('is not answered by who was not asked', async () => {
    const s = stage();
    s.room.update({ gate: { ...gate, waiting: ['m_ben'] } });
    await s.time.advance(500);
    assert.deepEqual(s.room.commands, []);
  });
});

describe('reports', () => {
  it('come at most twice a second, tell of buffering at once, and fall silent when nothing changes', async () => {
    const s = await playing();
    s.player.duration = 600;
    s.room.reports.length = 0;
    await s.time.advance(60_000);
    assert.ok(s.room.reports.length <= 12, `${s.room.reports.length}`);
    for (let i = 0; i < 20; i++) {
      s.player.starve(s.player.position);
      await s.time.advance(90);
      s.player.feed();
      await s.time.advance(60);
    }
    const { reports } = s.room;
    reports.forEach((r, i) => assert.ok(i === 0 || r.at - (reports[i - 1]?.at ?? 0) >= 499));
    assert.ok(reports.some((r) => r.status.buffering));
    const status = reports.at(-1)?.status;
    assert.equal(status?.rttMs, 20);
    assert.ok((status?.playLatencyMs ?? 0) > 80);
  });
});

describe('a browser that wants a gesture', () => {
  it('gets the picture without sound, and the sound after the click', async () => {
    const blocked: unknown[] = [];
    const s = stage({ refuses: 'sound' }, { onBlocked: (b) => blocked.push(b) });
    s.room.set({ playing: true }, 200);
    await s.time.advance(2_000);
    assert.deepEqual(blocked, [{ muted: true }]);
    assert.ok(s.player.moving && s.player.muted);
    assert.equal(s.sync.stats.blocked, 'silent');
    s.player.device.refuses = 'nothing';
    s.sync.unblock();
    await s.time.advance(5_000);
    assert.ok(s.player.moving && !s.player.muted && Math.abs(s.off()) < FRAME);
    assert.equal(s.sync.stats.blocked, false);
  });

  it('that refuses even that is left alone until the click', async () => {
    const blocked: unknown[] = [];
    const s = stage({ refuses: 'everything' }, { onBlocked: (b) => blocked.push(b) });
    s.room.set({ playing: true }, 200);
    await s.time.advance(20_000);
    assert.deepEqual(blocked, [{ muted: true }, { muted: false }]);
    assert.equal(s.player.done.filter((d) => d.what === 'play').length, 2);
    s.player.device.refuses = 'nothing';
    s.sync.unblock();
    await s.time.advance(1_000);
    assert.ok(s.player.moving && Math.abs(s.off()) < FRAME);
  });
});

describe('the player’s own controls', () => {
  it('are commands when asked for, and what the synchroniser does itself is none', async () => {
    const s = await playing({}, { userControls: true });
    s.room.set({ playing: false, position: 9 });
    await s.time.advance(300);
    s.room.set({ playing: true }, 200);
    await s.time.advance(3_000);
    s.room.set({ position: 30 }, 200);
    await s.time.advance(3_000);
    assert.deepEqual(s.room.commands, []);

    s.player.userPause();
    const at = s.player.position.toFixed(3);
    await s.time.advance(10);
    assert.deepEqual(s.room.commands, [`pause ${at}`]);
  });

  it('play: holds until the room starts', async () => {
    const s = stage({}, { userControls: true });
    s.room.answer = async () => (s.room.set({ playing: true }, 300), 2);
    s.player.userPlay();
    await s.time.advance(200);
    assert.deepEqual(s.room.commands, ['play']);
    assert.ok(!s.player.moving);
    await s.time.advance(250);
    assert.ok(s.player.moving && Math.abs(s.off()) < FRAME, `${s.off()}`);
  });

  it('seek: tells where, once', async () => {
    const s = await playing({}, { userControls: true });
    s.room.answer = async () => (s.room.set({ position: 45 }, 250), 2);
    s.player.userSeek(45);
    await s.time.advance(3_000);
    assert.deepEqual(s.room.commands, ['seek 45.000']);
    assert.ok(Math.abs(s.off()) < FRAME);
  });

  it('that the room refuses are undone', async () => {
    const s = await playing({}, { userControls: true });
    s.room.answer = () => Promise.reject(new Error('forbidden'));
    s.player.userPause();
    await s.time.advance(1_500);
    assert.ok(s.player.moving && Math.abs(s.off()) < FRAME);
    s.player.userSeek(5);
    await s.time.advance(1_500);
    assert.ok(s.player.moving && Math.abs(s.off()) < FRAME, `${s.off()}`);
    assert.equal(s.room.commands.length, 2);
  });

  it('are overruled without the option', async () => {
    const s = await playing();
    s.player.userPause();
    await s.time.advance(1_500);
    assert.ok(s.player.moving && Math.abs(s.off()) < FRAME);
    assert.deepEqual(s.room.commands, []);
  });

  it('at the end play from the beginning', async () => {
    const s = await playing({}, { userControls: true });
    await s.time.advance(60_000);
    assert.ok(s.player.ended && s.player.paused);
    assert.deepEqual(s.room.commands, []);
    s.player.userPlay();
    await s.time.advance(10);
    assert.deepEqual(s.room.commands, ['play 0']);
  });
});

describe('a pause pressed in the room', () => {
  it('stops the player before the answer, and tells where', async () => {
    const s = await playing();
    const frozen = s.room.player?.freeze();
    assert.ok(s.player.paused);
    assert.equal(frozen?.position, s.player.position);
    await s.time.advance(400);
    assert.ok(s.player.paused);
    s.room.set({ playing: false, position: frozen?.position ?? 0 });
    frozen?.release();
    await s.time.advance(200);
    assert.equal(s.player.position, frozen?.position);
  });
});

describe('stopping', () => {
  it('lets go of the player and leaves nothing behind', async () => {
    const s = await playing();
    s.sync.stop();
    s.room.set({ playing: false, position: 1 });
    await s.time.advance(100_000);
    assert.deepEqual(s.player.done, []);
    assert.equal(s.room.player, undefined);
    assert.equal(s.time.pending, 0);
  });
});
