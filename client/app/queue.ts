import { mayControl, type QueueItem, type RoomState } from '@tandem.watch/client';
import { button, byId, iconButton, make, setText } from './dom.js';
import { attempt } from './errors.js';
import { titleOf } from './media-words.js';
import { queueNote } from './queue-words.js';
import type { Part } from './watch.js';

/** What comes next: for everybody to see, and for whoever controls the video to change. */
export class Queue {
  readonly #part: Part;
  readonly #list = byId('queue-list', HTMLOListElement);
  readonly #empty = byId('queue-empty', HTMLParagraphElement);
  readonly #note = byId('queue-note', HTMLParagraphElement);
  readonly #add = byId('queue-add', HTMLButtonElement);
  readonly #count = byId('queue-count', HTMLSpanElement);
  readonly #announced = byId('queue-announced', HTMLParagraphElement);
  #shown = '';

  constructor(part: Part) {
    this.#part = part;
    this.#list.replaceChildren();
    part.room.subscribe((state) => this.#show(state));
  }

  #show(state: RoomState): void {
    const { queue } = state;
    const allowed = mayControl(state);
    this.#add.hidden = !allowed;
    this.#empty.hidden = queue.length > 0;
    const note = queueNote(state);
    setText(this.#note, note);
    this.#note.hidden = note === '';
    this.#count.hidden = queue.length === 0;
    setText(this.#count, String(queue.length));
    const shown = JSON.stringify([allowed, queue.map((q) => q.id)]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    // Items move with their buttons; the focus goes with them.
    const focused = document.activeElement;
    const [item, label] = [focused?.closest('li')?.dataset['item'], focused?.getAttribute('data-tool')];
    const had = this.#list.contains(focused);
    this.#list.replaceChildren(...queue.map((q, i) => this.#item(q, i, queue, allowed)));
    if (had) this.#focus(item, label);
  }

  #focus(item: string | undefined, tool: string | null | undefined): void {
    const tools = this.#list.querySelector(`li[data-item="${item}"]`)?.querySelectorAll<HTMLButtonElement>('button:enabled');
    const same = [...(tools ?? [])].find((b) => b.dataset['tool'] === tool);
    (same ?? tools?.[0] ?? this.#list.querySelector('button') ?? this.#add).focus();
  }

  #item(item: QueueItem, index: number, queue: readonly QueueItem[], allowed: boolean): HTMLLIElement {
    const { id, media, name } = item;
    const title = titleOf(media);
    const words = make('div', {}, make('span', { className: 'title' }, title), make('small', {}, ` from ${name}`));
    const li = make('li', {}, words);
    li.dataset['item'] = String(id);
    if (!allowed) return li;
    const { room } = this.#part;
    const up = (): void => this.#move(item, queue[index - 1]?.id, index);
    const down = (): void => this.#move(item, queue[index + 2]?.id, index + 2);
    const tools = [
      button('Play now', () => attempt(room.next({ item: id, play: true }))),
      button('Play next', () => this.#move(item, queue[0]?.id, 1)),
      iconButton('up', `Move ${title} up`, up),
      iconButton('down', `Move ${title} down`, down),
      iconButton('close', `Remove ${title}`, () => attempt(room.unqueue(id))),
    ] as const;
    for (const [i, tool] of tools.entries()) tool.dataset['tool'] = String(i);
    tools[1].disabled = tools[2].disabled = index === 0;
    tools[3].disabled = index === queue.length - 1;
    li.append(make('div', { className: 'tools' }, ...tools));
    return li;
  }

  #move({ id, media }: QueueItem, before: number | undefined, place: number): void {
    const moved = this.#part.room.move(id, before);
    attempt(moved.then(() => setText(this.#announced, `${titleOf(media)} is number ${place} now`)));
  }
}
