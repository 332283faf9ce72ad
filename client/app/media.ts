import { mayControl, type Media, type RoomState } from '@tandem.watch/client';
import { byId, onSubmit, setText } from './dom.js';
import { attempt, showError } from './errors.js';
import type { Part } from './watch.js';

const CLIP = '/clip.webm';
/** Copies of a file that differ by more are hardly the same, in milliseconds. */
const SAME_LENGTH_MS = 1_000;

const MEDIA_ERRORS: Record<number, string> = {
  [MediaError.MEDIA_ERR_NETWORK]: 'The video stopped loading: the network or its server failed.',
  [MediaError.MEDIA_ERR_DECODE]: 'This browser cannot decode the video.',
  [MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED]:
    'Nothing playable is there: the address may be wrong, need a login, or be in a format that this browser does not play.',
};

/** Loads what the room watches into the video, and lets whoever may change it. */
export class MediaSource {
  readonly #part: Part;
  readonly #video: HTMLVideoElement;
  readonly #prompt = byId('file-prompt', HTMLParagraphElement);
  readonly #promptLabel = byId('own-copy-label', HTMLLabelElement);
  readonly #settings = byId('media-settings', HTMLDetailsElement);
  readonly #url = byId('media-url', HTMLInputElement);
  #shown: Media | undefined;
  /** The file that was opened here, and the media that it was opened for. */
  #own: { readonly address: string; readonly media: Media } | undefined;

  constructor(part: Part, video: HTMLVideoElement) {
    const { room, signal } = part;
    this.#part = part;
    this.#video = video;
    room.subscribe((state) => this.#show(state));
    video.addEventListener('error', () => this.#failed(), { signal });
    video.addEventListener('loadedmetadata', () => this.#compareLength(), { signal });
    onSubmit(byId('media-form', HTMLFormElement), () => this.#change({ kind: 'url', url: this.#url.value.trim() }), { signal });
    byId('media-clip', HTMLButtonElement).addEventListener('click', () => this.#change({ kind: 'clip' }), { signal });
    onFile(byId('media-file', HTMLInputElement), signal, (file) => void this.#shareFile(file));
    onFile(byId('own-copy', HTMLInputElement), signal, (file) => this.#openCopy(file));
    signal.addEventListener('abort', () => this.#forgetFile());
  }

  #show(state: RoomState): void {
    if (this.#part.signal.aborted) return;
    this.#settings.hidden = !mayControl(state);
    const { media } = state;
    if (media === this.#shown) return;
    this.#shown = media;
    if (!this.#own || !sameFile(this.#own.media, media)) this.#forgetFile();
    this.#load();
  }

  #load(): void {
    const media = this.#shown;
    const missing = media?.kind === 'file' && !this.#own;
    this.#prompt.hidden = !missing;
    if (missing) setText(this.#promptLabel, `Everybody opens their own copy of ${media.title ?? 'a file'}:`);
    const address = media?.kind === 'url' ? media.url : media?.kind === 'clip' ? CLIP : this.#own?.address;
    if (address === undefined) {
      this.#video.removeAttribute('src');
      this.#video.load();
    } else if (this.#video.getAttribute('src') !== address) {
      this.#video.src = address;
    }
  }

  #change(media: Media): void {
    const done = this.#part.room.setMedia(media).then(() => {
      this.#settings.open = false;
      this.#url.value = '';
    });
    attempt(done);
  }

  async #shareFile(file: File): Promise<void> {
    const address = URL.createObjectURL(file);
    const durationMs = await lengthOf(address);
    const media: Media = { kind: 'file', title: file.name.slice(0, 200), ...(durationMs && { durationMs }) };
    this.#forgetFile();
    this.#own = { address, media };
    this.#change(media);
  }

  #openCopy(file: File): void {
    if (!this.#shown) return;
    this.#forgetFile();
    this.#own = { address: URL.createObjectURL(file), media: this.#shown };
    this.#load();
  }

  #forgetFile(): void {
    if (this.#own) URL.revokeObjectURL(this.#own.address);
    this.#own = undefined;
  }

  #failed(): void {
    const text = MEDIA_ERRORS[this.#video.error?.code ?? 0];
    if (text && this.#video.hasAttribute('src')) showError(text, { stays: true });
  }

  #compareLength(): void {
    const expected = this.#shown?.kind === 'file' ? this.#shown.durationMs : undefined;
    if (expected === undefined || Math.abs(this.#video.duration * 1000 - expected) <= SAME_LENGTH_MS) return;
    showError('Your copy is not as long as the others’: it may be another cut.', { stays: true });
  }
}

function sameFile(a: Media, b: Media): boolean {
  return a.kind === 'file' && b.kind === 'file' && a.title === b.title && a.durationMs === b.durationMs;
}

function onFile(input: HTMLInputElement, signal: AbortSignal, run: (file: File) => void): void {
  const change = (): void => {
    const file = input.files?.[0];
    input.value = '';
    if (file) run(file);
  };
  input.addEventListener('change', change, { signal });
}

/** How long a medium plays, in milliseconds; undefined when that cannot be told. */
function lengthOf(address: string): Promise<number | undefined> {
  const probe = document.createElement('video');
  return new Promise((resolve) => {
    probe.onloadedmetadata = () => resolve(Number.isFinite(probe.duration) ? Math.round(probe.duration * 1000) : undefined);
    probe.onerror = () => resolve(undefined);
    probe.preload = 'metadata';
    probe.src = address;
  });
}
