import type { ChatLine, RoomEvent, RoomState } from '@tandem.watch/client';
import { byId, make, onSubmit, setText } from './dom.js';
import { attempt } from './errors.js';
import { formatHour } from './format.js';
import type { Part } from './watch.js';

/** While somebody types the others are told every so often; silence for as long means it has stopped. */
const TYPING_MS = 3_000;
/** So near the end the log follows new lines, in pixels. */
const NEAR_END = 40;

/** The chat: its log with what came before, who types, and the own line. */
export class Chat {
  readonly #part: Part;
  readonly #scroll = byId('chat-scroll', HTMLDivElement);
  readonly #log = byId('chat-log', HTMLOListElement);
  readonly #older = byId('chat-older', HTMLButtonElement);
  readonly #typing = byId('typing', HTMLParagraphElement);
  readonly #input = byId('chat-input', HTMLInputElement);
  #shown: readonly ChatLine[] = [];
  #saidTypingAt = 0;
  #stopsTyping: number | undefined;

  constructor(part: Part) {
    const { room, signal } = part;
    this.#part = part;
    this.#log.replaceChildren();
    room.subscribe((state) => this.#show(state));
    room.on('event', (event) => this.#note(event));
    onSubmit(byId('chat-form', HTMLFormElement), () => this.#send(), { signal });
    this.#input.addEventListener('input', () => this.#types(), { signal });
    this.#older.addEventListener('click', () => attempt(room.history()), { signal });
    signal.addEventListener('abort', () => clearTimeout(this.#stopsTyping));
  }

  #send(): void {
    const text = this.#input.value.trim();
    if (text === '') return;
    this.#input.value = '';
    this.#stopTyping();
    attempt(
      this.#part.room.say(text).catch((error: unknown) => {
        // What could not be said is not lost.
        this.#input.value ||= text;
        throw error;
      }),
    );
  }

  #types(): void {
    if (this.#input.value === '') return this.#stopTyping();
    clearTimeout(this.#stopsTyping);
    this.#stopsTyping = setTimeout(() => this.#stopTyping(), TYPING_MS);
    const now = Date.now();
    if (now - this.#saidTypingAt < TYPING_MS) return;
    this.#saidTypingAt = now;
    this.#part.room.typing(true);
  }

  #stopTyping(): void {
    clearTimeout(this.#stopsTyping);
    if (this.#saidTypingAt === 0) return;
    this.#saidTypingAt = 0;
    this.#part.room.typing(false);
  }

  #show(state: RoomState): void {
    this.#older.hidden = !state.olderChat;
    setText(this.#typing, typingText(state));
    if (state.chat === this.#shown) return;
    const before = new Set(this.#shown.map((l) => l.number));
    const now = new Set(state.chat.map((l) => l.number));
    this.#shown = state.chat;
    this.#keepPlace(() => {
      for (const item of this.#items()) {
        const number = Number(item.dataset['chatNumber']);
        if (before.has(number) && !now.has(number)) item.remove();
      }
      for (const line of state.chat) {
        if (!before.has(line.number)) this.#insert(lineItem(line, line.member === state.self), line.number);
      }
    });
  }

  /** Comings and goings are told among the lines, for as long as the page is open. */
  #note(event: RoomEvent): void {
    const { state } = this.#part.room;
    const name = (id: string): string => state.members.find((m) => m.id === id)?.name ?? 'Somebody';
    let text: string | undefined;
    if (event.type === 'joined') text = `${event.joined.name} came in`;
    if (event.type === 'host' && event.host.member) text = `${name(event.host.member)} is host now`;
    if (event.type === 'renamed') text = `Somebody is called ${event.renamed.name} now`;
    if (text === undefined) return;
    const item = make('li', { className: 'note' }, text);
    this.#keepPlace(() => this.#insert(item, event.number));
  }

  #items(): HTMLLIElement[] {
    return [...this.#log.children] as HTMLLIElement[];
  }

  /** Puts an item where its number belongs: mostly at the end, and older lines in front. */
  #insert(item: HTMLLIElement, number: number): void {
    item.dataset['number'] = String(number);
    const before = this.#items().findLast((other) => Number(other.dataset['number']) < number);
    if (before) before.after(item);
    else this.#log.prepend(item);
  }

  /** Changes the log; whoever reads its end still does afterwards, and whoever reads further up is not moved. */
  #keepPlace(change: () => void): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    const fromEnd = scrollHeight - scrollTop - clientHeight;
    const first = this.#log.firstElementChild;
    change();
    if (fromEnd < NEAR_END) this.#scroll.scrollTop = this.#scroll.scrollHeight;
    else if (first !== this.#log.firstElementChild) {
      this.#scroll.scrollTop = this.#scroll.scrollHeight - clientHeight - fromEnd;
    }
  }
}

function lineItem(line: ChatLine, own: boolean): HTMLLIElement {
  const item = make(
    'li',
    { className: own ? 'own' : '' },
    make('span', { className: 'who' }, line.name),
    ' ',
    make('time', { className: 'when', dateTime: new Date(line.at / 1000).toISOString() }, formatHour(line.at)),
    '\n',
    make('span', { className: 'text' }, line.text),
  );
  item.dataset['chatNumber'] = String(line.number);
  return item;
}

function typingText({ typing, members, self }: RoomState): string {
  const names = members.filter((m) => m.id !== self && typing.includes(m.id)).map((m) => m.name);
  if (names.length === 0) return '';
  if (names.length > 2) return 'Several people are typing…';
  return `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} typing…`;
}
