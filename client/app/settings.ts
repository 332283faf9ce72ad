import { mayModerate, ownMember, type RoomState } from '@tandem.watch/client';
import { openDialog } from './dialogs.js';
import { button, byId, make, onSubmit, setText } from './dom.js';
import { attempt, explain } from './errors.js';
import type { Part } from './watch.js';

type Change = Parameters<Part['room']['changeSettings']>[0];

/** The room's switches, for its host; who is banned, for moderators too. */
export class RoomSettings {
  readonly #part: Part;
  readonly #dialog = byId('settings-dialog', HTMLDialogElement);
  readonly #opener = byId('settings-button', HTMLButtonElement);
  readonly #host = byId('settings-host', HTMLDivElement);
  readonly #title = byId('setting-title', HTMLInputElement);
  readonly #guestControl = byId('setting-guest-control', HTMLInputElement);
  readonly #locked = byId('setting-locked', HTMLInputElement);
  readonly #pin = byId('setting-pin', HTMLInputElement);
  readonly #pinNote = byId('pin-note', HTMLElement);
  readonly #note = byId('settings-note', HTMLParagraphElement);
  readonly #bannedPart = byId('banned-part', HTMLDivElement);
  readonly #banned = byId('banned', HTMLUListElement);
  #shownBanned: RoomState['banned'] | undefined;

  constructor(part: Part) {
    const { room, signal } = part;
    this.#part = part;
    this.#opener.addEventListener('click', () => this.#open(), { signal });
    this.#guestControl.addEventListener('change', () => this.#change({ guestControl: this.#guestControl.checked }), { signal });
    this.#locked.addEventListener('change', () => this.#change({ locked: this.#locked.checked }), { signal });
    const setPin = (): void => {
      this.#change({ pin: this.#pin.value }, this.#pin.value ? 'The PIN is set.' : 'There is no PIN any more.');
      this.#pin.value = '';
    };
    onSubmit(byId('pin-form', HTMLFormElement), setPin, { signal });
    onSubmit(byId('title-form', HTMLFormElement), () => this.#change({ title: this.#title.value.trim() }, 'The title is set.'), { signal });
    signal.addEventListener('abort', () => this.#dialog.close());
    room.subscribe((state) => this.#show(state));
  }

  #open(): void {
    this.#title.value = this.#part.room.state.settings.title ?? '';
    setText(this.#note, '');
    openDialog(this.#dialog);
  }

  #change(settings: Change, done = 'Done.'): void {
    const say = (text: string): void => setText(this.#note, text);
    this.#part.room.changeSettings(settings).then(
      () => say(done),
      (error: unknown) => {
        // A refused change leaves the switch as the room has it.
        this.#show(this.#part.room.state);
        say(explain(error));
      },
    );
  }

  #show(state: RoomState): void {
    const isHost = ownMember(state)?.role === 'host';
    this.#opener.hidden = !isHost && !(mayModerate(state) && state.banned.length > 0);
    this.#opener.title = 'Room settings';
    if (this.#opener.hidden) this.#dialog.close();
    this.#host.hidden = !isHost;
    const { guestControl, locked, pin } = state.settings;
    this.#guestControl.checked = guestControl;
    this.#locked.checked = locked;
    setText(this.#pinNote, pin ? '(there is one)' : '(none)');
    this.#bannedPart.hidden = state.banned.length === 0;
    if (state.banned === this.#shownBanned) return;
    this.#shownBanned = state.banned;
    const items = state.banned.map(({ id, name }) =>
      make('li', {}, make('span', {}, name), button('Let in again', () => attempt(this.#part.room.unban(id)))),
    );
    this.#banned.replaceChildren(...items);
  }
}
