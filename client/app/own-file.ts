import type { Media } from '@tandem.watch/client';

interface Opened {
  /** An object URL, which holds the file until it is revoked. */
  readonly address: string;
  readonly media: Media;
}

/** The files that were opened here: the one for what the room watches, and one that the room was offered. */
export class OwnFile {
  readonly #revoke: (address: string) => void;
  #current: Opened | undefined;
  #offered: Opened | undefined;

  constructor(revoke: (address: string) => void = (address) => URL.revokeObjectURL(address)) {
    this.#revoke = revoke;
  }

  /** Where the file for what is watched can be read; undefined without one. */
  get address(): string | undefined {
    return this.#current?.address;
  }

  /** Takes a file for what is watched, in place of the one before. */
  take(address: string, media: Media): void {
    this.#drop(this.#current, address);
    this.#current = { address, media };
  }

  /** Keeps a file for the media that it may become: what plays goes on until then. */
  offer(address: string, media: Media): void {
    this.#drop(this.#offered, address);
    this.#offered = { address, media };
  }

  /** Lets go of a file that the room did not want. */
  withdraw(address: string): void {
    if (this.#offered?.address !== address) return;
    this.#drop(this.#offered);
    this.#offered = undefined;
  }

  /** The room watches this: takes the file that was offered as it, or keeps the one that it had for it. */
  show(media: Media): void {
    const offered = this.#offered;
    if (offered && sameFile(offered.media, media)) {
      this.#offered = undefined;
      this.take(offered.address, media);
    } else if (this.#current && !sameFile(this.#current.media, media)) {
      this.#drop(this.#current);
      this.#current = undefined;
    }
  }

  /** Lets go of everything. */
  forget(): void {
    this.#drop(this.#current);
    this.#drop(this.#offered);
    this.#current = this.#offered = undefined;
  }

  #drop(opened: Opened | undefined, except?: string): void {
    if (opened && opened.address !== except) this.#revoke(opened.address);
  }
}

function sameFile(a: Media, b: Media): boolean {
  return a.kind === 'file' && b.kind === 'file' && a.title === b.title && a.durationMs === b.durationMs;
}
