import { mayControl, type RoomState } from '@tandem.watch/client';
import { byId, setText } from './dom.js';
import { attempt } from './errors.js';
import { formatTime } from './format.js';
import type { Part } from './watch.js';

const TICK_MS = 200;

/** Play, pause, seek and speed for the room; sound and size for this window. */
export class Controls {
  readonly #part: Part;
  readonly #video: HTMLVideoElement;
  readonly #play = byId('play-button', HTMLButtonElement);
  readonly #seek = byId('seek', HTMLInputElement);
  readonly #position = byId('position', HTMLOutputElement);
  readonly #rate = byId('rate', HTMLSelectElement);
  readonly #mute = byId('mute-button', HTMLButtonElement);
  readonly #fullscreen = byId('fullscreen-button', HTMLButtonElement);
  readonly #note = byId('screen-note', HTMLParagraphElement);
  #dragging = false;

  constructor(part: Part, video: HTMLVideoElement) {
    const { room, signal } = part;
    this.#part = part;
    this.#video = video;
    this.#play.addEventListener('click', () => this.#toggle(), { signal });
    video.addEventListener('click', () => this.#play.disabled || this.#toggle(), { signal });
    this.#seek.addEventListener('input', () => ((this.#dragging = true), this.#tick()), { signal });
    this.#seek.addEventListener(
      'change',
      () => {
        this.#dragging = false;
        attempt(room.seek(this.#seek.valueAsNumber));
      },
      { signal },
    );
    this.#rate.addEventListener('change', () => attempt(room.setRate(Number(this.#rate.value))), { signal });
    this.#mute.addEventListener('click', () => (video.muted = !video.muted), { signal });
    this.#fullscreen.addEventListener('click', () => attempt(video.requestFullscreen()), { signal });
    video.addEventListener('volumechange', () => this.#showMuted(), { signal });
    video.addEventListener('durationchange', () => this.#tick(), { signal });

    room.subscribe((state) => this.#show(state));
    const ticking = setInterval(() => this.#tick(), TICK_MS);
    signal.addEventListener('abort', () => clearInterval(ticking));
    this.#showMuted();
    this.#tick();
  }

  #toggle(): void {
    const { room } = this.#part;
    const { timeline, gate } = room.state;
    const atEnd = room.position() >= this.#video.duration;
    if ((timeline.playing || gate) && !atEnd) attempt(room.pause());
    else attempt(atEnd ? room.seek(0, { play: true, wait: true }) : room.play());
  }

  #show(state: RoomState): void {
    const allowed = mayControl(state);
    for (const control of [this.#play, this.#seek, this.#rate]) control.disabled = !allowed;
    this.#showRate(state.timeline.rate);
    const { gate } = state;
    this.#note.hidden = !gate;
    if (gate) {
      const missing = gate.waiting.length - (gate.ready?.length ?? 0);
      setText(this.#note, missing === 1 ? 'Waiting for one more to be ready…' : `Waiting for ${missing} to be ready…`);
    }
    this.#tick();
  }

  #showRate(rate: number): void {
    const value = String(rate);
    if (![...this.#rate.options].some((o) => o.value === value)) this.#rate.add(new Option(`${value}×`, value));
    this.#rate.value = value;
  }

  #showMuted(): void {
    this.#mute.setAttribute('aria-pressed', String(this.#video.muted));
    setText(this.#mute, this.#video.muted ? 'Unmute' : 'Mute');
  }

  #tick(): void {
    const { room } = this.#part;
    const { timeline, gate } = room.state;
    const { duration } = this.#video;
    const known = Number.isFinite(duration);
    const end = known ? duration : Infinity;
    const position = this.#dragging ? this.#seek.valueAsNumber : Math.min(room.position(), end);
    const moves = (timeline.playing || gate !== undefined) && room.position() < end;
    setText(this.#play, moves ? 'Pause' : 'Play');
    const max = String(known ? duration : Math.max(position, 1));
    if (this.#seek.max !== max) this.#seek.max = max;
    if (!this.#dragging) this.#seek.value = String(position);
    const text = `${formatTime(position)} / ${formatTime(duration)}`;
    setText(this.#position, text);
    this.#seek.setAttribute('aria-valuetext', text);
  }
}
