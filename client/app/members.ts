import { mayModerate, ownMember, type Member, type RoomState } from '@tandem.watch/client';
import { ask } from './dialogs.js';
import { button, byId, icon, iconButton, make, setText } from './dom.js';
import { attempt } from './errors.js';
import { badgesOf, hueOf, initialOf, type Badge } from './member-words.js';
import { storage } from './storage.js';
import type { Part } from './watch.js';

/** Something that may be done about a member. */
interface Tool {
  readonly label: string;
  readonly danger?: boolean;
  run(): void;
}

interface Entry {
  readonly item: HTMLLIElement;
  readonly badges: HTMLSpanElement;
  shown: string;
  badged: string;
}

/** Who is here, how they do, and what may be done about them. */
export class Members {
  readonly #part: Part;
  readonly #list = byId('members', HTMLUListElement);
  readonly #count = byId('member-count', HTMLSpanElement);
  readonly #more = byId('members-more', HTMLParagraphElement);
  readonly #entries = new Map<string, Entry>();
  /** Whose menu is open. */
  #open: string | undefined;

  constructor(part: Part) {
    this.#part = part;
    this.#list.replaceChildren();
    part.room.subscribe((state) => this.#show(state));
  }

  #show(state: RoomState): void {
    setText(this.#count, String(state.memberCount));
    const hidden = state.memberCount - state.members.length;
    this.#more.hidden = hidden <= 0;
    setText(this.#more, `and ${hidden} more`);
    const here = new Set(state.members.map((m) => m.id));
    for (const [id, { item }] of this.#entries) {
      if (here.has(id)) continue;
      item.remove();
      this.#entries.delete(id);
    }
    for (const member of state.members) this.#showMember(state, member);
  }

  /** A badge may come and go while somebody is about to click: the rest is made anew only when it is something else. */
  #showMember(state: RoomState, member: Member): void {
    const badges = badgesOf(state, member);
    const tools = this.#toolsOf(state, member);
    const away = state.presence.get(member.id)?.away ?? false;
    const isOpen = this.#open === member.id;
    const shown = JSON.stringify([member.name, tools.map((t) => t.label), isOpen]);
    let entry = this.#entries.get(member.id);
    if (!entry) {
      entry = { item: make('li'), badges: make('span', { className: 'badges' }), shown: '', badged: '' };
      entry.item.dataset['member'] = member.id;
      this.#entries.set(member.id, entry);
      this.#list.append(entry.item);
    }
    const { item } = entry;
    item.toggleAttribute('data-away', away);
    item.toggleAttribute('data-host', member.id === state.host);
    const badged = JSON.stringify(badges);
    if (entry.badged !== badged) entry.badges.replaceChildren(...badges.map(badge));
    entry.badged = badged;
    if (entry.shown === shown) return;
    entry.shown = shown;
    const focused = item.contains(document.activeElement) ? document.activeElement : null;
    const avatar = make('span', { className: 'avatar', ariaHidden: 'true' }, initialOf(member.name));
    avatar.style.setProperty('--hue', String(hueOf(member.id)));
    const words = make('div', { className: 'who' }, make('span', { className: 'name' }, member.name), entry.badges);
    item.replaceChildren(avatar, words, ...this.#menu(member, tools, isOpen));
    if (focused) this.#focusLike(focused, item);
  }

  /** Puts the focus where it was, or on what opened the menu that it was in. */
  #focusLike(before: Element, item: HTMLLIElement): void {
    const buttons = [...item.querySelectorAll('button')];
    const same = buttons.find((b) => b.textContent === before.textContent && b.ariaLabel === before.ariaLabel);
    (same ?? buttons[0])?.focus();
  }

  #menu({ id, name }: Member, tools: readonly Tool[], isOpen: boolean): HTMLElement[] {
    if (tools.length === 0) return [];
    const opener = iconButton('more', `More about ${name}`, () => this.#toggle(isOpen ? undefined : id));
    opener.ariaExpanded = String(isOpen);
    if (!isOpen) return [opener];
    const menu = make('div', { className: 'member-menu' });
    menu.role = 'group';
    menu.ariaLabel = `What to do about ${name}`;
    for (const { label, danger, run } of tools) {
      const made = button(label, () => (this.#toggle(undefined), run()));
      if (danger) made.className = 'danger';
      menu.append(made);
    }
    menu.addEventListener('keydown', (event) => event.key === 'Escape' && this.#toggle(undefined));
    return [opener, menu];
  }

  #toggle(id: string | undefined): void {
    this.#open = id;
    this.#show(this.#part.room.state);
  }

  #toolsOf(state: RoomState, { id, role, name }: Member): Tool[] {
    const { room } = this.#part;
    if (id === state.self) return [{ label: 'Change my name', run: () => void this.#rename(name) }];
    const isHost = ownMember(state)?.role === 'host';
    const tools: Tool[] = [];
    if (isHost) {
      if (role === 'guest') tools.push({ label: 'Make moderator', run: () => attempt(room.setRole(id, 'moderator')) });
      else tools.push({ label: 'Make guest', run: () => attempt(room.setRole(id, 'guest')) });
      tools.push({ label: 'Hand over host', run: () => void this.#handOver(id, name) });
    }
    if (isHost || (mayModerate(state) && role === 'guest')) {
      tools.push({ label: 'Remove', danger: true, run: () => attempt(room.remove(id)) });
      tools.push({ label: 'Ban', danger: true, run: () => void this.#ban(id, name) });
    }
    return tools;
  }

  async #rename(before: string): Promise<void> {
    const name = await ask({ title: 'Your name', yes: 'Change', field: { label: 'How others see you', value: before } });
    if (!name || name === before) return;
    attempt(this.#part.room.rename(name).then(() => (storage.name = name)));
  }

  async #handOver(id: string, name: string): Promise<void> {
    const text = 'You are a guest then, and only the new host can make you host again.';
    const sure = await ask({ title: `Make ${name} host?`, text, yes: 'Hand over' });
    if (sure !== undefined) attempt(this.#part.room.transferHost(id));
  }

  async #ban(id: string, name: string): Promise<void> {
    const text = 'They leave the room at once and cannot come back until they are let in again, in the room’s settings.';
    const sure = await ask({ title: `Ban ${name}?`, text, yes: 'Ban' });
    if (sure !== undefined) attempt(this.#part.room.remove(id, { ban: true }));
  }
}

function badge({ text, icon: name, warn }: Badge): HTMLElement {
  return make('span', { className: warn ? 'badge warn' : 'badge' }, ...(name ? [icon(name)] : []), text);
}
