import { formatRoomCode, lookUpRoom, parseRoomCode, TandemError, type RoomInfo } from '@tandem.watch/client';
import { byId, onSubmit, setText } from './dom.js';
import { explain } from './errors.js';
import { roomIn } from './links.js';
import { unlockSound } from './sound.js';
import { storage } from './storage.js';

/** What somebody types to come in. */
export interface Entry {
  readonly name: string;
  readonly pin: string;
}

interface Entries {
  create(entry: Entry): Promise<void>;
  join(entry: Entry & { readonly room: string }): Promise<void>;
  /** A refusal; true when it was shown elsewhere. */
  refused(error: unknown): boolean;
}

/** The forms by which one comes into a room: both at `/`, only the second at `/r/…`. */
export class Home {
  readonly #entries: Entries;
  readonly #view = byId('home', HTMLElement);
  readonly #createForm = byId('create-form', HTMLFormElement);
  readonly #createName = byId('create-name', HTMLInputElement);
  readonly #createPin = byId('create-pin', HTMLInputElement);
  readonly #createError = byId('create-error', HTMLParagraphElement);
  readonly #joinForm = byId('join-form', HTMLFormElement);
  readonly #joinTitle = byId('join-title', HTMLHeadingElement);
  readonly #joinAbout = byId('join-about', HTMLParagraphElement);
  readonly #joinCode = byId('join-code', HTMLInputElement);
  readonly #joinCodeField = byId('join-code-field', HTMLDivElement);
  readonly #joinName = byId('join-name', HTMLInputElement);
  readonly #joinPin = byId('join-pin', HTMLInputElement);
  readonly #joinPinField = byId('join-pin-field', HTMLDivElement);
  readonly #joinError = byId('join-error', HTMLParagraphElement);

  constructor(entries: Entries) {
    this.#entries = entries;
    onSubmit(this.#createForm, () => {
      const entry = { name: this.#createName.value.trim(), pin: this.#createPin.value };
      void this.#submit(this.#createForm, this.#createError, () => this.#entries.create(entry));
    });
    onSubmit(this.#joinForm, () => {
      const entry = { room: roomOf(this.#joinCode.value), name: this.#joinName.value.trim(), pin: this.#joinPin.value };
      void this.#submit(this.#joinForm, this.#joinError, () => this.#entries.join(entry));
    });
    const code = this.#joinCode;
    code.addEventListener('input', () => code.toggleAttribute('data-link', code.value.includes('/')));
  }

  /** @param room the room of the address, if it names one. */
  show(room: string | undefined): void {
    this.#view.hidden = false;
    this.#joinForm.hidden = false;
    this.#createName.value ||= storage.name;
    this.#joinName.value ||= storage.name;
    this.#createForm.hidden = room !== undefined;
    this.#joinCodeField.hidden = room !== undefined;
    if (room === undefined) return;
    this.#joinCode.value = room;
    // Its line is there before what it will say.
    this.#joinAbout.hidden = false;
    setText(this.#joinTitle, `Join room ${formatRoomCode(room)}`);
    (this.#joinName.value ? byId('join-button', HTMLButtonElement) : this.#joinName).focus();
    lookUpRoom(roomOf(room)).then(
      (info) => this.#found(info),
      (error: unknown) => this.#entries.refused(error) || setText(this.#joinError, explain(error)),
    );
  }

  hide(): void {
    this.#view.hidden = true;
  }

  /** Shows why one did not come in, beside the button that one pressed. */
  explain(error: unknown): void {
    setText(this.#joinError, explain(error));
    if (error instanceof TandemError && (error.code === 'pin_required' || error.code === 'pin_invalid')) {
      this.#askForPin(true);
      this.#joinPin.select();
    }
  }

  #found({ id, pin, locked, members, title }: RoomInfo): void {
    this.#askForPin(pin);
    if (title) setText(this.#joinTitle, `Join “${title}”`);
    const about = [
      title && `Room ${formatRoomCode(id)}`,
      members > 0 && `${members} ${members === 1 ? 'person is' : 'people are'} here`,
      locked && 'locked: nobody new may come in',
    ].filter(Boolean);
    setText(this.#joinAbout, about.join(' · '));
  }

  async #submit(form: HTMLFormElement, error: HTMLElement, enter: () => Promise<void>): Promise<void> {
    unlockSound();
    setText(error, '');
    const buttons = form.querySelectorAll('button');
    for (const b of buttons) b.disabled = true;
    try {
      await enter();
    } catch (reason) {
      if (this.#entries.refused(reason)) return;
      if (form === this.#joinForm) this.explain(reason);
      else setText(error, explain(reason));
    } finally {
      for (const b of buttons) b.disabled = false;
    }
  }

  #askForPin(asked: boolean): void {
    this.#joinPinField.hidden = !asked;
    this.#joinPin.required = asked;
  }
}

/** The room that somebody means by a code or by a link that they pasted. */
function roomOf(typed: string): string {
  const text = typed.trim();
  const id = roomIn(text) ?? text;
  return parseRoomCode(id) ?? id;
}
