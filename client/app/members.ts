import { mayModerate, ownMember, type Member, type RoomState } from '@tandem.watch/client';
import { button, byId, make, setText } from './dom.js';
import { attempt } from './errors.js';
import { formatOffset } from './format.js';
import type { Part } from './watch.js';

/** Out of step by more is told to the others, in milliseconds. */
const OUT_OF_STEP_MS = 80;

/** Who is here, and what the host may do about them. */
export class Members {
  readonly #part: Part;
  readonly #list = byId('members', HTMLUListElement);
  readonly #count = byId('member-count', HTMLOutputElement);
  readonly #items = new Map<string, { readonly item: HTMLLIElement; shown: string }>();

  constructor(part: Part) {
    this.#part = part;
    this.#list.replaceChildren();
    part.room.subscribe((state) => this.#show(state));
  }

  #show(state: RoomState): void {
    setText(this.#count, `(${state.memberCount})`);
    const here = new Set(state.members.map((m) => m.id));
    for (const [id, { item }] of this.#items) {
      if (here.has(id)) continue;
      item.remove();
      this.#items.delete(id);
    }
    for (const member of state.members) this.#showMember(state, member);
  }

  /** An item is made anew only when it shows something else, so that an open menu stays open. */
  #showMember(state: RoomState, member: Member): void {
    const badges = badgesOf(state, member);
    const tools = this.#toolsOf(state, member);
    const away = state.presence.get(member.id)?.away ?? false;
    const shown = JSON.stringify([member.name, badges, tools.map(([label]) => label), away]);
    let entry = this.#items.get(member.id);
    if (!entry) {
      entry = { item: make('li'), shown: '' };
      entry.item.dataset['member'] = member.id;
      this.#items.set(member.id, entry);
      this.#list.append(entry.item);
    }
    if (entry.shown === shown) return;
    entry.shown = shown;
    const { item } = entry;
    const menuOpen = item.querySelector('details')?.open ?? false;
    item.toggleAttribute('data-away', away);
    item.toggleAttribute('data-host', member.id === state.host);
    item.replaceChildren(
      make('span', { className: 'name' }, member.name),
      ...badges.map(({ text, warn }) => make('span', { className: warn ? 'badge warn' : 'badge' }, text)),
    );
    if (tools.length > 0) {
      const summary = make('summary', { ariaLabel: `What to do about ${member.name}` }, '⋯');
      const menu = make('div', {}, ...tools.map(([label, run]) => button(label, () => attempt(run()))));
      item.append(make('details', { className: 'tools', open: menuOpen }, summary, menu));
    }
  }

  #toolsOf(state: RoomState, { id, role }: Member): [label: string, run: () => Promise<number>][] {
    const { room } = this.#part;
    const isHost = ownMember(state)?.role === 'host';
    const tools: [string, () => Promise<number>][] = [];
    if (id === state.self) return tools;
    if (isHost) {
      tools.push(['Make host', () => room.transferHost(id)]);
      if (role === 'guest') tools.push(['Make moderator', () => room.setRole(id, 'moderator')]);
      else tools.push(['Make guest', () => room.setRole(id, 'guest')]);
    }
    if (isHost || (mayModerate(state) && role === 'guest')) {
      tools.push(['Remove', () => room.remove(id)], ['Ban', () => room.remove(id, { ban: true })]);
    }
    return tools;
  }
}

function badgesOf(state: RoomState, member: Member): { text: string; warn?: boolean }[] {
  const badges: { text: string; warn?: boolean }[] = [];
  if (member.id === state.host) badges.push({ text: '★ host' });
  else if (member.role === 'moderator') badges.push({ text: 'moderator' });
  if (member.id === state.self) badges.push({ text: 'you' });
  const { away, buffering, offsetMs } = state.presence.get(member.id) ?? {};
  if (away) badges.push({ text: 'reconnecting', warn: true });
  else if (buffering) badges.push({ text: 'buffering', warn: true });
  else if (offsetMs !== undefined && Math.abs(offsetMs) > OUT_OF_STEP_MS) {
    badges.push({ text: formatOffset(offsetMs), warn: true });
  }
  return badges;
}
