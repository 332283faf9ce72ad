import { CameraCall, type CallRoom } from '../app/cameras-call.js';
import type { Timers } from '../app/cameras-timers.js';
import { Emitter } from '../src/emitter.js';
import type { IceServer, Member } from '../src/protocol/index.js';
import type { RoomEvents } from '../src/room.js';
import { emptyRoom, type RoomState } from '../src/state.js';
import { FakeAir } from './fake-peer.js';
import { FakeTime } from './fake-time.js';

/** A room of pages that signal to each other, in order, after a delay, unless it is lost. */
export class FakeWorld {
  readonly time = new FakeTime();
  readonly air = new FakeAir(this.time);
  readonly pages = new Map<string, FakePage>();
  /** Whether a signal gets lost. */
  loses: (from: string, to: string) => boolean = () => false;
  signals = 0;
  iceServers: IceServer[] = [{ urls: ['stun:stun.example'] }];
  #unique = 0;

  readonly timers: Timers = {
    now: this.time.now,
    setTimeout: (run, ms) => this.time.schedule(run, ms),
    clearTimeout: (timer) => this.time.cancel(timer as never),
    unique: () => `call-${++this.#unique}`,
  };

  /** Lets somebody in. */
  enter(...names: string[]): FakePage[] {
    const entered = names.map((name) => {
      const page = new FakePage(this, name);
      this.pages.set(name, page);
      return page;
    });
    this.#told();
    return entered;
  }

  /** Somebody's seat is gone. */
  leave(name: string): void {
    this.pages.get(name)?.call.stop();
    this.pages.delete(name);
    this.#told();
  }

  /** Somebody's page is loaded again: the same seat, and nothing remembered. */
  reload(name: string): FakePage {
    const old = this.pages.get(name);
    old?.vanish();
    this.pages.delete(name);
    const [page] = this.enter(name);
    return page!;
  }

  /** Somebody's connection to the gateway drops, or is back. */
  setAway(name: string, away: boolean): void {
    const page = this.pages.get(name)!;
    page.away = away;
    this.#told();
    page.tellConnection();
  }

  deliver(from: string, to: string, data: unknown): void {
    this.signals++;
    if (this.loses(from, to) || this.pages.get(from)?.away) return;
    this.time.schedule(() => {
      const page = this.pages.get(to);
      if (page && !page.away) page.emitter.emit('signal', { type: 'signal', from, data: structuredClone(data) });
    }, 20);
  }

  #told(): void {
    for (const page of this.pages.values()) page.tellState();
  }
}

/** One page of it. */
export class FakePage {
  readonly emitter = new Emitter<RoomEvents>();
  readonly call: CameraCall;
  away = false;
  /** Cameras that were given back, since there were too many. */
  readonly refused: MediaStreamTrack[] = [];
  changes = 0;
  #state: RoomState;

  constructor(
    readonly world: FakeWorld,
    readonly name: string,
  ) {
    this.#state = { ...emptyRoom, self: name };
    const state = (): RoomState => this.#state;
    const away = (): boolean => this.away;
    const room = {
      get state() {
        return state();
      },
      get connection() {
        return { state: away() ? 'reconnecting' : 'connected' };
      },
      clock: { now: () => world.time.now() * 1000 },
      on: (event: keyof RoomEvents, listener: (value: unknown) => void) => this.emitter.on(event, listener),
      signal: (to: string, data: unknown) => (world.deliver(name, to, data), true),
      get iceServers() {
        return world.iceServers;
      },
    } as unknown as CallRoom;
    this.call = new CameraCall({
      room,
      timers: world.timers,
      connect: world.air.connect,
      changed: () => this.changes++,
      cameraRefused: (track) => void this.refused.push(track),
    });
  }

  tellState(): void {
    const pages = [...this.world.pages.values()];
    const members = pages.map((p): Member => ({ id: p.name, name: p.name, role: 'guest', joinedAt: 0 }));
    const presence = new Map(pages.map((p) => [p.name, { member: p.name, away: p.away }]));
    this.#state = { ...this.#state, members, memberCount: members.length, presence };
    this.emitter.emit('state', this.#state);
  }

  tellConnection(): void {
    this.emitter.emit('connection', { state: this.away ? 'reconnecting' : 'connected' });
  }

  /** The page is gone without a word, and its connections with it. */
  vanish(): void {
    const { deliver } = this.world;
    this.world.deliver = () => undefined;
    this.call.stop();
    this.world.deliver = deliver;
  }

  /** Whom it sees and hears, by name: `+` is connected, `v` and `a` what they have on. */
  get sees(): string {
    return this.call.participants
      .map((p) => `${p.member}${p.reach === 'connected' ? '+' : ''}${p.camera ? 'v' : ''}${p.microphone ? 'a' : ''}`)
      .sort()
      .join(' ');
  }
}
