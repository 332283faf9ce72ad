import type { Player, PlayerEvent } from '../src/player/player.js';
import type { FakeTime } from './fake-time.js';

/** What a simulated device is like. Times are in milliseconds. */
export interface Device {
  playMs: number;
  seekMs: number;
  /** How much earlier it starts when it resumes without a flush. */
  staleMs: number;
  /** By how much leaving rate 1 while keeping the pitch sets the clock back. */
  setBackMs: number;
  /** Where seeks land: on multiples of so many seconds, or exactly. */
  seekGrid: number;
  /** What the browser refuses without a gesture. */
  refuses: 'nothing' | 'sound' | 'everything';
}

const CHROMIUM: Device = { playMs: 85, seekMs: 40, staleMs: 70, setBackMs: 18, seekGrid: 0, refuses: 'nothing' };

/** A player in virtual time with Chromium's measured habits. */
export class SimPlayer implements Player {
  readonly device: Device;
  duration = 60;
  loaded = true;
  paused = true;
  seeking = false;
  ended = false;
  muted = false;
  rate = 1;
  /** Everything that was done to it, with when. */
  readonly done: { readonly at: number; readonly what: 'play' | 'pause' | 'seek' | 'rate'; readonly value?: number }[] = [];
  /** How often a seek began while another was under way. */
  seeksOverSeeks = 0;

  readonly #time: FakeTime;
  readonly #listeners = new Set<(event: PlayerEvent) => void>();
  /** The media clock: it was at #base at #since, and moves if #moving. */
  #base = 0;
  #since = 0;
  #moving = false;
  #flushed = true;
  #keepsPitch = true;
  #bufferedTo = Infinity;
  #pendingPlay: { resolve(): void; reject(error: Error): void } | undefined;
  #change = 0;
  #seek = 0;

  constructor(time: FakeTime, device: Partial<Device> = {}) {
    this.#time = time;
    this.device = { ...CHROMIUM, ...device };
  }

  get position(): number {
    const elapsed = this.#moving ? ((this.#time.now() - this.#since) / 1000) * this.#effectiveRate : 0;
    return Math.min(this.#base + elapsed, this.duration, this.#bufferedTo);
  }

  get moving(): boolean {
    return this.#moving && this.position < Math.min(this.duration, this.#bufferedTo);
  }

  get canPlay(): boolean {
    return this.loaded && !this.seeking && this.position < this.#bufferedTo;
  }

  canPlayAt(position: number): boolean {
    return this.loaded && position < this.#bufferedTo;
  }

  play(): Promise<void> {
    this.#note('play');
    if (this.device.refuses === 'everything' || (this.device.refuses === 'sound' && !this.muted)) {
      return Promise.reject(Object.assign(new Error('a gesture first'), { name: 'NotAllowedError' }));
    }
    if (!this.paused) return Promise.resolve();
    this.paused = false;
    this.#tell('play');
    return new Promise((resolve, reject) => {
      this.#pendingPlay = { resolve, reject };
      const change = ++this.#change;
      const latency = this.device.playMs - (this.#flushed ? 0 : this.device.staleMs);
      this.#flushed = false;
      this.#time.schedule(() => change === this.#change && this.#move(), latency);
    });
  }

  pause(): void {
    if (this.paused) return;
    this.#note('pause');
    this.#stop();
    this.#tell('pause');
  }

  seek(position: number): void {
    this.#note('seek', position);
    if (this.seeking) this.seeksOverSeeks++;
    const wasMoving = this.#moving;
    const skipped = position === this.position;
    this.#settle();
    this.#moving = false;
    this.seeking = true;
    this.ended = false;
    this.#tell('seeking');
    const seek = ++this.#seek;
    const land = (): void => {
      if (seek !== this.#seek) return;
      const grid = this.device.seekGrid;
      this.#base = grid > 0 ? Math.round(position / grid) * grid : position;
      this.#since = this.#time.now();
      this.seeking = false;
      if (!skipped) this.#flushed = true;
      if (wasMoving && !this.paused) this.#move();
      this.#tell('seeked');
      if (this.canPlay) this.#tell('data');
      else this.#tell('waiting');
    };
    this.#time.schedule(land, this.device.seekMs);
  }

  setRate(rate: number, keepPitch: boolean): void {
    if (rate === this.rate && keepPitch === this.#keepsPitch) return;
    if (rate !== this.rate) this.#note('rate', rate);
    const leavesOne = this.rate === 1 && rate !== 1;
    this.#settle();
    this.rate = rate;
    this.#keepsPitch = keepPitch;
    if (leavesOne && keepPitch && this.#moving) this.#base -= this.device.setBackMs / 1000;
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
  }

  listen(listener: (event: PlayerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // What a test does to it.

  /** Its data ends at that position. */
  starve(at: number): void {
    this.#settle();
    this.#bufferedTo = at;
    if (this.#moving) this.#watchData();
  }

  /** Data has come. */
  feed(): void {
    this.#settle();
    this.#bufferedTo = Infinity;
    this.#tell('data');
    if (!this.paused) this.#tell('playing');
  }

  load(): void {
    this.loaded = true;
    this.#tell('loaded');
    this.#tell('data');
  }

  /** The user presses pause or play, or drags, on the player's own controls. */
  userPause(): void {
    this.#stop();
    this.#tell('pause');
  }

  userPlay(): void {
    this.play().catch(() => undefined);
  }

  userSeek(position: number): void {
    this.seek(position);
  }

  get #effectiveRate(): number {
    const ignored = this.#keepsPitch && Math.abs(this.rate - 1) <= 0.001;
    return ignored ? 1 : this.rate;
  }

  #move(): void {
    this.#since = this.#time.now();
    this.#moving = true;
    this.#pendingPlay?.resolve();
    this.#pendingPlay = undefined;
    this.#tell('playing');
    this.#watchData();
    const end = ((this.duration - this.#base) / this.rate) * 1000;
    const change = this.#change;
    this.#time.schedule(() => {
      if (change !== this.#change || this.position < this.duration) return;
      this.ended = true;
      this.#stop();
      this.#tell('pause');
    }, end + 1);
  }

  #watchData(): void {
    if (this.#bufferedTo === Infinity) return;
    const change = this.#change;
    const until = Math.max(0, ((this.#bufferedTo - this.position) / this.rate) * 1000);
    this.#time.schedule(() => {
      if (change === this.#change && this.#moving && this.position >= this.#bufferedTo) this.#tell('waiting');
    }, until + 1);
  }

  #stop(): void {
    this.#settle();
    this.#moving = false;
    this.paused = true;
    this.#change++;
    this.#pendingPlay?.reject(Object.assign(new Error('paused'), { name: 'AbortError' }));
    this.#pendingPlay = undefined;
  }

  #settle(): void {
    this.#base = this.position;
    this.#since = this.#time.now();
  }

  #tell(event: PlayerEvent): void {
    this.#time.schedule(() => {
      for (const listener of [...this.#listeners]) listener(event);
    }, 0);
  }

  #note(what: 'play' | 'pause' | 'seek' | 'rate', value?: number): void {
    this.done.push({ at: this.#time.now(), what, ...(value !== undefined && { value }) });
  }
}
