import { formatRoomCode, lookUpRoom, parseRoomCode, TandemError } from '@tandem.watch/client';
import { byId, onSubmit, setText } from './dom.js';
import { explain, hideError, showError } from './errors.js';
import { storage } from './storage.js';

interface Entries {
  create(entry: { name: string; pin: string }): Promise<void>;
  join(entry: { room: string; name: string; pin: string }): Promise<void>;
}

/** The forms by which one comes into a room: both at `/`, only the second at `/r/…`. */
export class Home {
  readonly #entries: Entries;
  readonly #view = byId('home', HTMLElement);
  readonly #createForm = byId('create-form', HTMLFormElement);
  readonly #createName = byId('create-name', HTMLInputElement);
  readonly #createPin = byId('create-pin', HTMLInputElement);
  readonly #joinForm = byId('join-form', HTMLFormElement);
  readonly #joinTitle = byId('join-title', HTMLHeadingElement);
  readonly #joinCode = byId('join-code', HTMLInputElement);
  readonly #joinCodeField = byId('join-code-field', HTMLDivElement);
  readonly #joinName = byId('join-name', HTMLInputElement);
  readonly #joinPin = byId('join-pin', HTMLInputElement);
  readonly #joinPinField = byId('join-pin-field', HTMLDivElement);

  constructor(entries: Entries) {
    this.#entries = entries;
    onSubmit(this.#createForm, () => {
      void this.#submit(this.#createForm, () =>
        this.#entries.create({ name: this.#createName.value.trim(), pin: this.#createPin.value }),
      );
    });
    onSubmit(this.#joinForm, () => void this.#join());
  }

  /** @param room the room of the address, if it names one. */
  show(room: string | undefined): void {
    this.#view.hidden = false;
    this.#createName.value ||= storage.name;
    this.#joinName.value ||= storage.name;
    this.#createForm.hidden = room !== undefined;
    this.#joinCodeField.hidden = room !== undefined;
    if (room === undefined) return;
    this.#joinCode.value = room;
    setText(this.#joinTitle, `Join room ${formatRoomCode(room)}`);
    this.#joinName.focus();
    lookUpRoom(roomOf(room)).then(
      ({ pin }) => this.#askForPin(pin),
      (error: unknown) => showError(explain(error), { stays: true }),
    );
  }

  hide(): void {
    this.#view.hidden = true;
  }

  #join(): Promise<void> {
    const room = roomOf(this.#joinCode.value);
    const name = this.#joinName.value.trim();
    return this.#submit(this.#joinForm, () => this.#entries.join({ room, name, pin: this.#joinPin.value }));
  }

  async #submit(form: HTMLFormElement, enter: () => Promise<void>): Promise<void> {
    const buttons = form.querySelectorAll('button');
    hideError();
    for (const b of buttons) b.disabled = true;
    try {
      await enter();
    } catch (error) {
      showError(explain(error), { stays: true });
      if (error instanceof TandemError && (error.code === 'pin_required' || error.code === 'pin_invalid')) {
        this.#askForPin(true);
        this.#joinPin.select();
      }
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
  const inLink = /\/r\/([^/?#]+)/.exec(text)?.[1];
  const id = inLink ? decodeURIComponent(inLink) : text;
  return parseRoomCode(id) ?? id;
}
