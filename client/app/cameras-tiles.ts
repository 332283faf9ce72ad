import type { Participant } from './cameras-call.js';
import { make, setText } from './dom.js';

/** One face: a picture, or the name's first letter in its place. */
class Tile {
  readonly item = make('li', { className: 'camera-tile' });
  readonly #video = make('video', { autoplay: true, playsInline: true, disablePictureInPicture: true });
  readonly #letter = make('span', { className: 'camera-letter', ariaHidden: 'true' });
  readonly #name = make('span', { className: 'camera-name' });
  readonly #muted = make('span', { className: 'camera-muted' }, 'muted');
  readonly #note = make('span', { className: 'camera-note' });

  constructor(member: string, own: boolean) {
    this.item.dataset['member'] = member;
    this.item.toggleAttribute('data-own', own);
    // One's own voice is not to be heard.
    this.#video.muted = own;
    this.item.append(this.#video, this.#letter, this.#note, make('p', {}, this.#name, ' ', this.#muted));
  }

  show(face: Face): void {
    const { name, camera, microphone, note, tracks } = face;
    this.#play(tracks);
    this.#video.ariaLabel = `The camera of ${name}`;
    this.item.toggleAttribute('data-camera', camera);
    setText(this.#letter, [...name.trim()][0]?.toUpperCase() ?? '');
    setText(this.#name, name);
    this.#muted.hidden = microphone;
    setText(this.#note, note);
    this.#note.hidden = note === '';
  }

  stop(): void {
    this.#video.srcObject = null;
    this.item.remove();
  }

  #play(tracks: readonly MediaStreamTrack[]): void {
    const shown = this.#video.srcObject as MediaStream | null;
    const same = shown?.getTracks() ?? [];
    if (same.length === tracks.length && tracks.every((track) => same.includes(track))) return;
    this.#video.srcObject = tracks.length > 0 ? new MediaStream([...tracks]) : null;
    this.unblock();
  }

  /** Whoever came in without a click hears nothing until there is one. */
  unblock(): void {
    if (this.#video.srcObject && this.#video.paused) this.#video.play().catch(() => undefined);
  }
}

/** What a tile shows. */
interface Face {
  readonly name: string;
  readonly camera: boolean;
  readonly microphone: boolean;
  readonly note: string;
  readonly tracks: readonly MediaStreamTrack[];
}

const NOTES: Record<NonNullable<Participant['reach']>, string> = {
  connected: '',
  connecting: 'Connecting…',
  unreachable: 'No way through: the two networks let nothing pass directly.',
};

/** The faces, in the order in which they came. */
export class Tiles {
  readonly #list: HTMLUListElement;
  readonly #tiles = new Map<string, Tile>();

  constructor(list: HTMLUListElement, signal: AbortSignal) {
    this.#list = list;
    const unblock = (): void => this.#tiles.forEach((tile) => tile.unblock());
    document.addEventListener('click', unblock, { signal });
  }

  /** Shows who has something on: the own picture first. */
  show(
    own: { readonly member: string; readonly camera: MediaStreamTrack | null; readonly microphone: boolean } | undefined,
    others: readonly (Participant & { readonly name: string })[],
  ): void {
    const faces = new Map<string, Face>();
    if (own) {
      const tracks = own.camera ? [own.camera] : [];
      faces.set(own.member, { name: 'You', camera: own.camera !== null, microphone: own.microphone, note: '', tracks });
    }
    for (const { member, name, camera, microphone, reach, tracks } of others) {
      // Whoever is not in the call itself sees nobody.
      if (!reach || !(camera || microphone)) continue;
      const both = [tracks.audio, tracks.video].flatMap((track) => track ?? []);
      faces.set(member, { name, camera, microphone, note: NOTES[reach], tracks: both });
    }
    for (const [member, tile] of this.#tiles) {
      if (faces.has(member)) continue;
      tile.stop();
      this.#tiles.delete(member);
    }
    for (const [member, face] of faces) this.#tileOf(member, member === own?.member).show(face);
    this.#list.hidden = faces.size === 0;
  }

  #tileOf(member: string, own: boolean): Tile {
    let tile = this.#tiles.get(member);
    if (!tile) {
      this.#tiles.set(member, (tile = new Tile(member, own)));
      if (own) this.#list.prepend(tile.item);
      else this.#list.append(tile.item);
    }
    return tile;
  }
}
