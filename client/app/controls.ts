import { mayControl, type RoomState } from '@tandem.watch/client';
import { byId, setAttribute, setIcon, setText } from './dom.js';
import { attempt } from './errors.js';
import { formatTime, speakTime } from './format.js';
import { GoOn, lengthOf } from './go-on.js';
import type { Part } from './watch.js';

const TICK_MS = 200;
/** A pointer that is lifted changes the value in the same moment, or not at all. */
const RELEASE_MS = 100;

/** Play, pause, seek and speed, for everybody in the room. */
export class Controls {
  readonly #part: Part;
  readonly #video: HTMLVideoElement;
  readonly #play = byId('play-button', HTMLButtonElement);
  readonly #next = byId('next-button', HTMLButtonElement);
  readonly #seek = byId('seek', HTMLInputElement);
  readonly #position = byId('position', HTMLOutputElement);
  readonly #rate = byId('rate', HTMLSelectElement);
  readonly #goOn: GoOn;
  #dragging = false;
  #released: ReturnType<typeof setTimeout> | undefined;

  constructor(part: Part, video: HTMLVideoElement) {
    const { room, signal } = part;
    this.#part = part;
    this.#video = video;
    this.#goOn = new GoOn(room);
    this.#play.addEventListener('click', () => this.toggle(), { signal });
    this.#next.addEventListener('click', () => this.next(), { signal });
    this.#listenToSeek(signal);
    this.#rate.addEventListener('change', () => attempt(room.setRate(Number(this.#rate.value))), { signal });
    video.addEventListener('durationchange', () => this.#tick(), { signal });

    room.subscribe((state) => this.#show(state));
    const ticking = setInterval(() => this.#tick(), TICK_MS);
    signal.addEventListener('abort', () => (clearInterval(ticking), clearTimeout(this.#released)));
    this.#tick();
  }

  /** A drag need not end with a change: back where it began, or called off by the system, it changes nothing. */
  #listenToSeek(signal: AbortSignal): void {
    const seek = this.#seek;
    const drag = (): void => {
      clearTimeout(this.#released);
      this.#dragging = true;
      this.#tick();
    };
    const change = (): void => {
      this.#dragging = false;
      attempt(this.#part.room.seek(seek.valueAsNumber));
    };
    const release = (): void => {
      if (!this.#dragging) return;
      clearTimeout(this.#released);
      this.#released = setTimeout(() => (this.#dragging = false), RELEASE_MS);
    };
    seek.addEventListener('input', drag, { signal });
    seek.addEventListener('change', change, { signal });
    seek.addEventListener('blur', release, { signal });
    for (const type of ['pointerup', 'pointercancel'] as const) addEventListener(type, release, { signal });
  }

  /** Plays or pauses; at the end, plays from the beginning. Nothing for those who may not. */
  toggle(): void {
    if (this.#moves) this.pause();
    else this.play();
  }

  play(): void {
    const { room } = this.#part;
    if (this.#may) attempt(this.#atEnd ? room.seek(0, { play: true, wait: true }) : room.play());
  }

  pause(): void {
    if (this.#may) attempt(this.#part.room.pause());
  }

  seekTo(position: number): void {
    const duration = this.#duration;
    const end = Number.isFinite(duration) ? duration : Infinity;
    if (this.#may) attempt(this.#part.room.seek(Math.min(Math.max(0, position), end)));
  }

  seekBy(seconds: number): void {
    this.seekTo(this.#part.room.position() + seconds);
  }

  /** Goes on to what comes next, and plays it. */
  next(): void {
    if (this.#may) attempt(this.#part.room.next({ play: true }));
  }

  get #may(): boolean {
    return mayControl(this.#part.room.state);
  }

  get #duration(): number {
    return lengthOf(this.#part.room.state.media, this.#video.duration);
  }

  get #atEnd(): boolean {
    return this.#part.room.position() >= this.#duration;
  }

  get #moves(): boolean {
    const { timeline, gate } = this.#part.room.state;
    return (timeline.playing || gate !== undefined) && !this.#atEnd;
  }

  #show(state: RoomState): void {
    const allowed = mayControl(state);
    for (const control of [this.#play, this.#seek, this.#rate]) control.disabled = !allowed;
    if (!allowed) this.#dragging = false;
    this.#next.hidden = !allowed || state.queue.length === 0;
    this.#next.title = 'Play the next in the queue';
    this.#showRate(state.timeline.rate);
    this.#tick();
  }

  #showRate(rate: number): void {
    const value = String(rate);
    if (![...this.#rate.options].some((o) => o.value === value)) this.#rate.add(new Option(`${value}×`, value));
    this.#rate.value = value;
  }

  #tick(): void {
    const { room } = this.#part;
    const duration = this.#duration;
    const known = Number.isFinite(duration);
    const position = this.#dragging ? this.#seek.valueAsNumber : Math.min(room.position(), known ? duration : Infinity);
    this.#goOn.look(this.#atEnd);
    this.#showPlay();
    const max = String(known ? duration : Math.max(position, 1));
    if (this.#seek.max !== max) this.#seek.max = max;
    if (!this.#dragging) this.#seek.value = String(position);
    this.#seek.style.setProperty('--done', `${((100 * position) / Number(max)).toFixed(1)}%`);
    setText(this.#position, `${formatTime(position)} / ${formatTime(duration)}`);
    setAttribute(this.#seek, 'aria-valuetext', `${speakTime(position)} of ${speakTime(duration)}`);
  }

  #showPlay(): void {
    const word = this.#moves ? 'Pause' : this.#atEnd ? 'Play again' : 'Play';
    setAttribute(this.#play, 'aria-label', word);
    setAttribute(this.#play, 'title', this.#may ? `${word} (K)` : 'Only the host may control the video');
    setIcon(this.#play, { Pause: 'pause', Play: 'play', 'Play again': 'again' }[word]);
  }
}
