import { mayControl, type Media } from '@tandem.watch/client';
import { openDialog } from './dialogs.js';
import { byId, onFile, onSubmit, setText } from './dom.js';
import { attempt } from './errors.js';
import { problemWithAddress } from './media-problem.js';
import type { MediaLoader } from './media.js';
import type { Part } from './watch.js';

/** Chooses what to watch, now or next. */
export class MediaDialog {
  readonly #part: Part;
  readonly #loader: () => MediaLoader;
  readonly #dialog = byId('media-dialog', HTMLDialogElement);
  readonly #url = byId('media-url', HTMLInputElement);
  readonly #name = byId('media-name', HTMLInputElement);
  readonly #subtitles = byId('media-subtitles', HTMLInputElement);
  readonly #subtitlesLabel = byId('media-subtitles-label', HTMLInputElement);
  readonly #more = byId('media-more', HTMLDetailsElement);
  readonly #error = byId('media-error', HTMLParagraphElement);
  readonly #enqueue = byId('media-enqueue', HTMLButtonElement);

  constructor(part: Part, loader: () => MediaLoader) {
    const { room, signal } = part;
    this.#part = part;
    this.#loader = loader;
    const opener = byId('media-button', HTMLButtonElement);
    opener.addEventListener('click', () => this.open(), { signal });
    byId('queue-add', HTMLButtonElement).addEventListener('click', () => this.open(), { signal });
    byId('media-clip', HTMLButtonElement).addEventListener('click', () => this.#watch({ kind: 'clip' }), { signal });
    onSubmit(byId('media-form', HTMLFormElement), (by) => this.#submit(by === this.#enqueue), { signal });
    onFile(byId('media-file', HTMLInputElement), (file) => void this.#share(file), { signal });
    room.subscribe((state) => {
      opener.hidden = !mayControl(state);
      if (opener.hidden) this.#dialog.close();
    });
  }

  open(): void {
    setText(this.#error, '');
    openDialog(this.#dialog);
    this.#url.focus();
  }

  #submit(enqueue: boolean): void {
    const media = this.#entered();
    if (!media) return;
    if (enqueue) this.#settle(this.#part.room.enqueue(media));
    else this.#watch(media);
  }

  #entered(): Media | undefined {
    const url = this.#url.value.trim();
    const title = this.#name.value.trim();
    const track = this.#subtitles.value.trim();
    const label = this.#subtitlesLabel.value.trim();
    const wrong = problemWithAddress(url, location.href) ?? (track ? problemWithAddress(track, location.href) : undefined);
    setText(this.#error, wrong ? `${wrong.title}. ${wrong.text}` : '');
    if (wrong) return undefined;
    const subtitles = [{ url: track, ...(label && { label }) }];
    return { kind: 'url', url, ...(title && { title }), ...(track && { subtitles }) };
  }

  #watch(media: Media): void {
    this.#settle(this.#part.room.setMedia(media));
  }

  async #share(file: File): Promise<void> {
    const address = URL.createObjectURL(file);
    const durationMs = await lengthOf(address);
    const media: Media = { kind: 'file', title: [...file.name].slice(0, 200).join(''), ...(durationMs && { durationMs }) };
    const loader = this.#loader();
    loader.offer(address, media);
    const watched = this.#part.room.setMedia(media);
    watched.catch(() => loader.withdraw(address));
    this.#settle(watched);
  }

  /** Closes when it is done; says why when it is not. */
  #settle(done: Promise<unknown>): void {
    setText(this.#error, '');
    const closed = done.then(() => {
      for (const field of [this.#url, this.#name, this.#subtitles, this.#subtitlesLabel]) field.value = '';
      this.#more.open = false;
      this.#dialog.close();
    });
    attempt(closed, (text) => setText(this.#error, text));
  }
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
