import { mayControl, type RoomState } from '@tandem.watch/client';
import { byId, setAttribute, setIcon, setText } from './dom.js';
import { attempt } from './errors.js';
import { formatTime, speakTime } from './format.js';
import type { Part } from './watch.js';

const TICK_MS = 200;

/** Play, pause, seek and speed, for everybody in the room. */
export class Controls {
  readonly #part: Part;
  readonly #video: HTMLVideoElement;
  readonly #play = byId('play-button', HTMLButtonElement);
  readonly #next = byId('next-button', HTMLButtonElement);
  readonly #seek = byId('seek', HTMLInputElement);
  readonly #position = byId('position', HTMLOutputElement);
  readonly #rate = byId('rate', HTMLSelectElement);
  #dragging = false;
  /** The showing whose end was told to the room. */
  #ended = 0;

  constructor(part: Part, video: HTMLVideoElement) {
    const { room, signal } = part;
    this.#part = part;
    this.#video = video;
    this.#play.addEventListener('click', () => this.toggle(), { signal });
    this.#next.addEventListener('click', () => this.next(), { signal });
    this.#seek.addEventListener('input', () => ((this.#dragging = true), this.#tick()), { signal });
    const seek = (): void => {
      this.#dragging = false;
      attempt(room.seek(this.#seek.valueAsNumber));
    };
    this.#seek.addEventListener('change', seek, { signal });
    this.#rate.addEventListener('change', () => attempt(room.setRate(Number(this.#rate.value))), { signal });
    video.addEventListener('durationchange', () => this.#tick(), { signal });

    room.subscribe((state) => this.#show(state));
    const ticking = setInterval(() => this.#tick(), TICK_MS);
    signal.addEventListener('abort', () => clearInterval(ticking));
    this.#tick();
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
    const { duration } = this.#video;
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

  get #atEnd(): boolean {
    return this.#part.room.position() >= this.#video.duration;
  }

  get #moves(): boolean {
    const { timeline, gate } = this.#part.room.state;
    return (timeline.playing || gate !== undefined) && !this.#atEnd;
  }

  #show(state: RoomState): void {
    const allowed = mayControl(state);
    for (const control of [this.#play, this.#seek, this.#rate]) control.disabled = !allowed;
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
    const { duration } = this.#video;
    const known = Number.isFinite(duration);
    const position = this.#dragging ? this.#seek.valueAsNumber : Math.min(room.position(), known ? duration : Infinity);
    this.#goOn();
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

  /** Everybody who may says so when a media is over: the room goes on once, to whatever comes next. */
  #goOn(): void {
    const { room } = this.#part;
    const { timeline, queue, mediaNumber } = room.state;
    if (!timeline.playing || !this.#atEnd || queue.length === 0 || !this.#may || this.#ended === mediaNumber) return;
    this.#ended = mediaNumber;
    // When this fails, the button is still there.
    room.next({ after: mediaNumber, play: true }).catch(() => undefined);
  }
}
