import { TandemError } from '@tandem.watch/client';
import { button, byId, make, setText } from './dom.js';
import { explain } from './errors.js';
import type { Part } from './watch.js';

/** A line that is through so soon never says that it is being sent, in milliseconds. */
const SOON_MS = 400;

/** The own lines that are not in the chat yet: being sent, or failed and kept to be tried again. */
export class PendingLines {
  readonly #part: Part;
  readonly #list = byId('chat-pending', HTMLOListElement);
  readonly #keepPlace: (change: () => void) => void;

  constructor(part: Part, keepPlace: (change: () => void) => void) {
    this.#part = part;
    this.#keepPlace = keepPlace;
    this.#list.replaceChildren();
  }

  say(text: string): void {
    const state = make('span', { className: 'state' });
    const tools = make('span', { className: 'tools' });
    const item = make('li', {}, make('span', { className: 'text' }, text), state, ' ', tools);
    this.#keepPlace(() => this.#list.append(item));
    const soon = setTimeout(() => this.#keepPlace(() => setText(state, 'sending…')), SOON_MS);
    const done = (): void => {
      clearTimeout(soon);
      this.#keepPlace(() => item.remove());
    };
    const failed = (error: unknown): void => {
      clearTimeout(soon);
      if (this.#part.signal.aborted) return item.remove();
      item.className = 'failed';
      const perhaps = error instanceof TandemError && error.code === 'unknown';
      this.#keepPlace(() => {
        setText(state, perhaps ? 'Perhaps not sent.' : `Not sent. ${explain(error)}`);
        const again = button('Try again', () => (item.remove(), this.say(text)));
        tools.replaceChildren(again, ' ', button('Discard', () => item.remove()));
      });
    };
    this.#part.room.say(text).then(done, failed);
  }
}
