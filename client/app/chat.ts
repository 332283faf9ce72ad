import type { ChatLine, RoomEvent, RoomState } from '@tandem.watch/client';
import { PendingLines } from './chat-pending.js';
import { lineItem, typingText } from './chat-words.js';
import { byId, make, onSubmit, setText } from './dom.js';
import { attempt } from './errors.js';
import { noteOf } from './notes.js';
import type { Part } from './watch.js';

/** While somebody types the others are told every so often; silence for as long means it has stopped. */
const TYPING_MS = 3_000;
/** So near the end the log follows new lines, in pixels. */
const NEAR_END = 40;

/** What the chat needs of the panel that it is in. */
export interface ChatPanel {
  /** The chat can be seen. */
  readonly open: boolean;
  /** Tells how many lines have come unseen. */
  unread(count: number): void;
}

/** The chat: its log with what came before, who types, and the own line. */
export class Chat {
  readonly #part: Part;
  readonly #panel: ChatPanel;
  readonly #scroll = byId('chat-scroll', HTMLDivElement);
  readonly #log = byId('chat-log', HTMLOListElement);
  readonly #live = byId('chat-live', HTMLDivElement);
  readonly #empty = byId('chat-empty', HTMLParagraphElement);
  readonly #older = byId('chat-older', HTMLButtonElement);
  readonly #newest = byId('chat-newest', HTMLButtonElement);
  readonly #typing = byId('typing', HTMLParagraphElement);
  readonly #input = byId('chat-input', HTMLInputElement);
  readonly #pending: PendingLines;
  readonly #names = new Map<string, string>();
  #shown: readonly ChatLine[] = [];
  #unread = 0;
  #saidTypingAt = 0;
  #stopsTyping: ReturnType<typeof setTimeout> | undefined;

  constructor(part: Part, panel: ChatPanel) {
    const { room, signal } = part;
    this.#part = part;
    this.#panel = panel;
    this.#log.replaceChildren();
    this.#pending = new PendingLines(part, (change) => this.#keepPlace(change));
    room.on('event', (event) => this.#note(event));
    room.subscribe((state) => this.#show(state));
    room.on('chat', ({ member }) => this.#arrived(member));
    onSubmit(byId('chat-form', HTMLFormElement), () => this.#send(), { signal });
    this.#input.addEventListener('input', () => this.#types(), { signal });
    this.#older.addEventListener('click', () => this.#fetchOlder(), { signal });
    this.#newest.addEventListener('click', () => this.#toEnd(), { signal });
    this.#scroll.addEventListener('scroll', () => this.#fromEnd() < NEAR_END && (this.#newest.hidden = true), { signal });
    // The panel shrinks under a keyboard, and grows again: who reads the end still does.
    const resized = new ResizeObserver(() => this.#newest.hidden && this.#toEnd());
    resized.observe(this.#scroll);
    signal.addEventListener('abort', () => (resized.disconnect(), clearTimeout(this.#stopsTyping)));
  }

  /** The chat has come into sight. */
  seen(): void {
    this.#unread = 0;
    this.#panel.unread(0);
    this.#toEnd();
  }

  focus(): void {
    this.#input.focus();
  }

  #send(): void {
    const text = this.#input.value.trim();
    if (text === '') return;
    this.#input.value = '';
    this.#stopTyping();
    this.#pending.say(text);
    this.#toEnd();
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

  #fetchOlder(): void {
    // What was said long ago is not read out as if it were new.
    this.#live.ariaBusy = 'true';
    attempt(this.#part.room.history().finally(() => (this.#live.ariaBusy = 'false')));
  }

  #show(state: RoomState): void {
    // A new name counts from its event on, which comes after the state.
    for (const { id, name } of state.members) if (!this.#names.has(id)) this.#names.set(id, name);
    this.#older.hidden = !state.olderChat || state.chat.length === 0;
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
    const text = noteOf(event, this.#names, state.self);
    for (const { id, name } of state.members) this.#names.set(id, name);
    if (text === undefined) return;
    const item = make('li', { className: 'note' }, text);
    this.#keepPlace(() => this.#insert(item, event.number));
  }

  #arrived(member: string): void {
    if (this.#panel.open || member === this.#part.room.state.self) return;
    this.#panel.unread(++this.#unread);
  }

  #items(): HTMLLIElement[] {
    return [...this.#log.children] as HTMLLIElement[];
  }

  /** Puts an item where its number belongs: mostly at the end, and older lines in front. */
  #insert(item: HTMLLIElement, number: number): void {
    item.dataset['number'] = String(number);
    let before = this.#log.lastElementChild as HTMLLIElement | null;
    while (before && Number(before.dataset['number']) > number) before = before.previousElementSibling as HTMLLIElement | null;
    if (before) before.after(item);
    else this.#log.prepend(item);
    this.#group(item);
    this.#group(item.nextElementSibling as HTMLLIElement | null);
    this.#empty.hidden = true;
  }

  /** A line that follows one of the same member in the same minute does not repeat who and when. */
  #group(item: HTMLLIElement | null): void {
    const before = item?.previousElementSibling as HTMLLIElement | null | undefined;
    item?.classList.toggle('follows', item.dataset['group'] !== undefined && item.dataset['group'] === before?.dataset['group']);
  }

  #fromEnd(): number {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    return scrollHeight - scrollTop - clientHeight;
  }

  #toEnd(): void {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#newest.hidden = true;
  }

  /** Changes the log; whoever reads its end still does afterwards, and whoever reads further up is not moved. */
  #keepPlace(change: () => void): void {
    const fromEnd = this.#fromEnd();
    const first = this.#log.firstElementChild;
    const last = this.#log.lastElementChild;
    change();
    if (fromEnd < NEAR_END) return this.#toEnd();
    if (first !== this.#log.firstElementChild) {
      this.#scroll.scrollTop = this.#scroll.scrollHeight - this.#scroll.clientHeight - fromEnd;
    }
    if (last !== this.#log.lastElementChild && this.#panel.open) this.#newest.hidden = false;
  }
}
