import { mayModerate, ownMember, type RoomState } from '@tandem.watch/client';
import { button, byId, make, onSubmit, setText } from './dom.js';
import { attempt } from './errors.js';
import type { Part } from './watch.js';

/** The room's switches, for its host; who is banned, for moderators too. */
export class RoomSettings {
  readonly #part: Part;
  readonly #panel = byId('room-settings', HTMLDetailsElement);
  readonly #guestControl = byId('setting-guest-control', HTMLInputElement);
  readonly #locked = byId('setting-locked', HTMLInputElement);
  readonly #pin = byId('setting-pin', HTMLInputElement);
  readonly #pinForm = byId('pin-form', HTMLFormElement);
  readonly #pinNote = byId('pin-note', HTMLElement);
  readonly #banned = byId('banned', HTMLUListElement);
  #shownBanned: RoomState['banned'] | undefined;

  constructor(part: Part) {
    const { room, signal } = part;
    this.#part = part;
    const change = (settings: Parameters<typeof room.changeSettings>[0]): void => {
      // A refused change leaves the switch as the room has it.
      attempt(room.changeSettings(settings).finally(() => this.#show(room.state)));
    };
    this.#guestControl.addEventListener('change', () => change({ guestControl: this.#guestControl.checked }), { signal });
    this.#locked.addEventListener('change', () => change({ locked: this.#locked.checked }), { signal });
    const setPin = (): void => {
      change({ pin: this.#pin.value });
      this.#pin.value = '';
    };
    onSubmit(this.#pinForm, setPin, { signal });
    room.subscribe((state) => this.#show(state));
  }

  #show(state: RoomState): void {
    const isHost = ownMember(state)?.role === 'host';
    this.#panel.hidden = !isHost && !(mayModerate(state) && state.banned.length > 0);
    const { guestControl, locked, pin } = state.settings;
    this.#guestControl.checked = guestControl;
    this.#locked.checked = locked;
    for (const control of [this.#guestControl, this.#locked]) control.disabled = !isHost;
    this.#pinForm.hidden = !isHost;
    setText(this.#pinNote, pin ? '(there is one)' : '(none)');
    if (state.banned === this.#shownBanned) return;
    this.#shownBanned = state.banned;
    const items = state.banned.map(({ id, name }) =>
      make('li', {}, `${name} is banned`, button('Let in again', () => attempt(this.#part.room.unban(id)))),
    );
    this.#banned.replaceChildren(...items);
  }
}
