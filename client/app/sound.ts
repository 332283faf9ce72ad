import { byId, setIcon } from './dom.js';
import { storage } from './storage.js';

const STEP = 0.1;

/**
 * Lets the page's video play aloud later: call it from a click, before anything is awaited. Some browsers allow sound
 * only to an element that was told to play by a gesture.
 */
export function unlockSound(): void {
  const video = byId('video', HTMLVideoElement);
  if (video.hasAttribute('src')) return;
  video.play().catch(() => undefined);
  video.pause();
}

/** The sound of this window, which is nobody else's business. */
export class Sound {
  readonly #video: HTMLVideoElement;
  readonly #mute = byId('mute-button', HTMLButtonElement);
  readonly #volume = byId('volume', HTMLInputElement);

  constructor(video: HTMLVideoElement, signal: AbortSignal) {
    this.#video = video;
    video.volume = storage.volume;
    this.#mute.addEventListener('click', () => this.toggle(), { signal });
    this.#volume.addEventListener('input', () => this.#set(this.#volume.valueAsNumber), { signal });
    video.addEventListener('volumechange', () => this.#show(), { signal });
    this.#show();
  }

  toggle(): void {
    if (this.#video.muted || this.#video.volume > 0) this.#video.muted = !this.#video.muted;
    else this.#set(1);
  }

  louder(): void {
    this.#set(this.#video.volume + STEP);
  }

  quieter(): void {
    this.#set(this.#video.volume - STEP);
  }

  #set(volume: number): void {
    const kept = Math.round(Math.min(1, Math.max(0, volume)) * 100) / 100;
    this.#video.volume = kept;
    this.#video.muted = kept === 0;
    if (kept > 0) storage.volume = kept;
  }

  #show(): void {
    const { muted, volume } = this.#video;
    const shown = muted ? 0 : volume;
    this.#mute.ariaPressed = String(shown === 0);
    this.#mute.title = shown === 0 ? 'Sound on (M)' : 'Sound off (M)';
    setIcon(this.#mute, shown === 0 ? 'muted' : 'sound');
    this.#volume.valueAsNumber = shown;
    this.#volume.style.setProperty('--done', `${shown * 100}%`);
    this.#volume.setAttribute('aria-valuetext', `${Math.round(shown * 100)} %`);
  }
}
