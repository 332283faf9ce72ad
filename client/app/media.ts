import { mayControl, type Media, type RoomState } from '@tandem.watch/client';
import { byId, onFile, setText } from './dom.js';
import { showError } from './errors.js';
import { diagnose, type MediaProblem } from './media-problem.js';
import { lengthsDiffer, sourceOf, titleOf } from './media-words.js';
import { OwnFile } from './own-file.js';
import type { Part } from './watch.js';

const CLIP = '/clip.webm';

/** Loads what the room watches into the video, and says what is missing or wrong. */
export class MediaLoader {
  readonly #part: Part;
  readonly #video: HTMLVideoElement;
  readonly #title = byId('now-playing', HTMLHeadingElement);
  readonly #note = byId('now-note', HTMLParagraphElement);
  readonly #message = byId('screen-message', HTMLDivElement);
  readonly #retry = byId('media-retry', HTMLButtonElement);
  readonly #other = byId('media-other', HTMLButtonElement);
  readonly #copy = byId('own-copy', HTMLInputElement);
  readonly #copyLabel = byId('own-copy-label', HTMLLabelElement);
  #shown: Media | undefined;
  #number = 0;
  readonly #own = new OwnFile();

  constructor(part: Part, video: HTMLVideoElement, other: () => void) {
    const { room, signal } = part;
    this.#part = part;
    this.#video = video;
    video.addEventListener('error', () => void this.#failed(), { signal });
    video.addEventListener('loadedmetadata', () => this.#loaded(), { signal });
    this.#retry.addEventListener('click', () => this.#load(), { signal });
    this.#other.addEventListener('click', other, { signal });
    onFile(this.#copy, (file) => this.#openCopy(file), { signal });
    signal.addEventListener('abort', () => {
      this.#own.forget();
      this.#message.hidden = true;
    });
    room.subscribe((state) => this.#show(state));
  }

  /** Keeps a file that was opened here for the media that it is about to become, or is already. */
  offer(address: string, media: Media): void {
    if (this.#part.signal.aborted) return URL.revokeObjectURL(address);
    this.#own.offer(address, media);
    if (!this.#shown) return;
    const before = this.#own.address;
    this.#own.show(this.#shown);
    if (this.#own.address !== before) this.#load();
  }

  /** Lets go of a file that did not become what the room watches. */
  withdraw(address: string): void {
    this.#own.withdraw(address);
  }

  #show(state: RoomState): void {
    if (this.#part.signal.aborted) return;
    this.#other.hidden = !mayControl(state);
    const { media, mediaNumber } = state;
    if (media === this.#shown && mediaNumber === this.#number) return;
    this.#shown = media;
    this.#number = mediaNumber;
    this.#own.show(media);
    setText(this.#title, titleOf(media));
    this.#title.title = titleOf(media);
    setText(this.#note, sourceOf(media));
    this.#load();
  }

  #load(): void {
    const media = this.#shown;
    this.#message.hidden = true;
    if (media?.kind === 'file' && !this.#own.address) this.#askForCopy(media);
    const address = media?.kind === 'url' ? media.url : media?.kind === 'clip' ? CLIP : this.#own.address;
    if (address === undefined) {
      this.#video.removeAttribute('src');
      this.#video.load();
    } else if (this.#video.getAttribute('src') !== address) {
      this.#video.src = address;
    } else if (this.#video.error) {
      this.#video.load();
    }
  }

  #askForCopy(media: Media): void {
    this.#say(
      { title: titleOf(media), text: 'Everybody opens their own copy of this file. It stays on your device.', retry: false },
      { copy: true },
    );
  }

  #openCopy(file: File): void {
    if (!this.#shown) return;
    this.#own.take(URL.createObjectURL(file), this.#shown);
    this.#load();
  }

  async #failed(): Promise<void> {
    const { error } = this.#video;
    const media = this.#shown;
    if (!error || !media || !this.#video.hasAttribute('src')) return;
    const found = await diagnose(media, error.code, {
      page: location.href,
      fetch: (input, init) => fetch(input, init),
      canPlayType: (type) => this.#video.canPlayType(type),
    });
    // Something else may be watched by now.
    if (media === this.#shown && this.#video.error === error) this.#say(found, { copy: media.kind === 'file' });
  }

  #say({ title, text, retry }: MediaProblem, { copy }: { readonly copy: boolean }): void {
    setText(byId('screen-message-title', HTMLHeadingElement), title);
    setText(byId('screen-message-text', HTMLParagraphElement), text);
    this.#retry.hidden = !retry;
    this.#copy.hidden = this.#copyLabel.hidden = !copy;
    this.#message.hidden = false;
  }

  #loaded(): void {
    this.#message.hidden = true;
    const { videoWidth, duration } = this.#video;
    const media = this.#shown;
    if (!media) return;
    if (media.kind === 'file') {
      const differs = lengthsDiffer(duration * 1000, media.durationMs);
      setText(this.#note, differs ?? sourceOf(media));
      if (differs) showError(differs, { stays: true });
    }
    const isSound = /\.(mp3|m4a|aac|oga|ogg|opus|flac|wav)$/i.test(titleOf(media));
    if (videoWidth === 0 && !isSound) {
      setText(this.#note, 'There is no picture in it, or this browser does not know its codec: you hear the sound only.');
    }
  }
}
