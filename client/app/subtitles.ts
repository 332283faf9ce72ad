import type { RoomState, Subtitle } from '@tandem.watch/client';
import { byId, make, onFile, setText } from './dom.js';
import { MAX_BYTES, parseSubtitles, type Cue } from './subtitle-file.js';
import type { Part } from './watch.js';

/** So many lines above the picture's lower edge, clear of the controls. */
const LINE = -4;
const PATIENCE_MS = 15_000;

interface Track {
  readonly label: string;
  load(signal: AbortSignal): Promise<readonly Cue[]>;
}

/** A refusal in words. */
class Unreadable extends Error {}

/**
 * Subtitles for this window: those that come with the media, and a file of one's own. They are fetched and read by the
 * page, so that what is wrong can be said, and shown as cues, which are text whatever a file contains.
 */
export class Subtitles {
  readonly #video: HTMLVideoElement;
  readonly #signal: AbortSignal;
  readonly #button = byId('captions-button', HTMLButtonElement);
  readonly #menu = byId('captions', HTMLDivElement);
  readonly #list = byId('captions-list', HTMLDivElement);
  readonly #error = byId('captions-error', HTMLParagraphElement);
  #offered: readonly Subtitle[] = [];
  #media = -1;
  #tracks: readonly Track[] = [];
  #chosen: Track | undefined;
  #loading = new AbortController();

  constructor({ room, signal }: Part, video: HTMLVideoElement) {
    this.#video = video;
    this.#signal = signal;
    this.#button.title = 'Subtitles (S)';
    this.#button.addEventListener('click', () => this.toggle(), { signal });
    onFile(byId('captions-file', HTMLInputElement), (file) => this.#openOwn(file), { signal });
    const leave = (event: Event): void => {
      const inside = event.target instanceof Node && (this.#menu.contains(event.target) || this.#button.contains(event.target));
      if (!inside) this.#close();
    };
    document.addEventListener('pointerdown', leave, { signal });
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      this.#close();
    };
    this.#menu.addEventListener('keydown', escape, { signal });
    signal.addEventListener('abort', () => (this.#choose(undefined), this.#close()));
    room.subscribe((state) => this.#show(state));
  }

  toggle(): void {
    if (!this.#menu.hidden) return this.#close();
    this.#menu.hidden = false;
    this.#button.ariaExpanded = 'true';
    this.#menu.querySelector<HTMLInputElement>('input:checked')?.focus();
  }

  /** Closes the menu; the focus does not go away with it. */
  #close(): void {
    if (this.#menu.contains(document.activeElement)) this.#button.focus();
    this.#menu.hidden = true;
    this.#button.ariaExpanded = 'false';
  }

  #show({ media, mediaNumber }: RoomState): void {
    if (this.#signal.aborted || mediaNumber === this.#media) return;
    this.#media = mediaNumber;
    this.#offered = media.subtitles ?? [];
    this.#tracks = this.#offered.map(({ url, label, lang }, i) => ({
      label: label ?? languageOf(lang) ?? `Subtitles ${i + 1}`,
      load: (signal) => fetchCues(url, signal),
    }));
    this.#choose(undefined);
  }

  #openOwn(file: File): void {
    const own: Track = { label: `${file.name} (mine)`, load: () => readCues(file) };
    this.#tracks = [...this.#tracks.slice(0, this.#offered.length), own];
    this.#choose(own);
  }

  #choose(track: Track | undefined): void {
    this.#chosen = track;
    this.#loading.abort();
    this.#loading = new AbortController();
    this.#fill([]);
    setText(this.#error, '');
    this.#list.replaceChildren(this.#choice('Off', undefined), ...this.#tracks.map((t) => this.#choice(t.label, t)));
    if (track) void this.#load(track, this.#loading.signal);
  }

  #choice(label: string, track: Track | undefined): HTMLLabelElement {
    const input = make('input', { type: 'radio', name: 'captions', checked: track === this.#chosen });
    input.addEventListener('change', () => {
      this.#choose(track);
      this.#list.querySelector<HTMLInputElement>('input:checked')?.focus();
    });
    return make('label', {}, input, make('span', {}, label));
  }

  async #load(track: Track, signal: AbortSignal): Promise<void> {
    try {
      const cues = await track.load(AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]));
      if (signal.aborted) return;
      if (cues.length === 0) throw new Unreadable('There are no subtitles in it: a WebVTT (.vtt) or SubRip (.srt) file is needed.');
      this.#fill(cues);
    } catch (error) {
      if (signal.aborted) return;
      setText(this.#error, error instanceof Unreadable ? error.message : 'The subtitles cannot be read.');
    }
  }

  /** A media element cannot give up a track, so there is one for all. */
  #fill(cues: readonly Cue[]): void {
    const tracks = this.#video.textTracks;
    const track = tracks[0] ?? (cues.length > 0 ? this.#video.addTextTrack('subtitles', 'Subtitles') : undefined);
    if (!track) return;
    track.mode = 'hidden';
    for (const cue of [...(track.cues ?? [])]) track.removeCue(cue);
    for (const { start, end, text } of cues) {
      const cue = new VTTCue(start, end, text);
      cue.line = LINE;
      track.addCue(cue);
    }
    track.mode = cues.length > 0 ? 'showing' : 'disabled';
  }
}

async function fetchCues(url: string, signal: AbortSignal): Promise<readonly Cue[]> {
  const { host, protocol } = new URL(url);
  if (protocol === 'http:' && location.protocol === 'https:') {
    throw new Unreadable('These subtitles come by http, and this page by https: browsers refuse that. An address with https:// is needed.');
  }
  let response: Response;
  try {
    response = await fetch(url, { signal, credentials: 'omit', referrerPolicy: 'no-referrer' });
  } catch {
    throw new Unreadable(`${host} cannot be reached, or does not let this page read its subtitles (it sends no CORS header). Download them and open the file.`);
  }
  if (!response.ok) throw new Unreadable(`${host} has no subtitles there (${response.status}).`);
  return readCues(await limited(response));
}

/** No more of an answer than a file of subtitles may have. */
async function limited(response: Response): Promise<Blob> {
  const parts: BlobPart[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
    size += chunk.value.byteLength;
    parts.push(chunk.value);
    if (size > MAX_BYTES) {
      await reader?.cancel();
      break;
    }
  }
  return new Blob(parts);
}

async function readCues(file: Blob): Promise<readonly Cue[]> {
  if (file.size > MAX_BYTES) throw new Unreadable('That file is too large for subtitles.');
  const bytes = await file.arrayBuffer();
  try {
    return parseSubtitles(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // Old SubRip files are in the encoding of Windows.
    return parseSubtitles(new TextDecoder('windows-1252').decode(bytes));
  }
}

function languageOf(tag: string | undefined): string | undefined {
  if (!tag) return undefined;
  try {
    return new Intl.DisplayNames(undefined, { type: 'language' }).of(tag);
  } catch {
    return tag;
  }
}
