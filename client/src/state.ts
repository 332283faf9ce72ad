import type {
  BannedMember,
  ChatLine,
  Events,
  Gate,
  History,
  Media,
  Member,
  Presence,
  QueueItem,
  RoomEvent,
  RoomSnapshot,
  ServerMessage,
  Settings,
  Timeline,
} from './protocol/index.js';

/** How many lines of chat the state keeps as new ones come. */
const MOST_CHAT = 1_000;
/** How many banned members the room lists. */
const MOST_BANNED = 50;

/** Everything that a member knows of its room. Immutable: each change makes a new object, and shares what stayed. */
export interface RoomState {
  readonly id: string;
  /** The own member id. */
  readonly self: string;
  /** The number of the last event in this state. */
  readonly number: number;
  /** The host's member id; absent in a room that nobody leads. */
  readonly host: string | undefined;
  readonly settings: Settings;
  readonly media: Media;
  /** The number of the event that set `media`: it tells two showings of the same media apart. */
  readonly mediaNumber: number;
  /** What comes next, in order. */
  readonly queue: readonly QueueItem[];
  readonly timeline: Timeline;
  /** The open ready gate, if there is one. */
  readonly gate: Gate | undefined;
  /** In the order of joining. In a large room the first come first, and the others follow. */
  readonly members: readonly Member[];
  readonly memberCount: number;
  readonly banned: readonly BannedMember[];
  /** By member id, for those of whom anything is known. */
  readonly presence: ReadonlyMap<string, Presence>;
  /** The ids of those who type. */
  readonly typing: readonly string[];
  /** The newest lines, oldest first, without gaps. */
  readonly chat: readonly ChatLine[];
  /** There are older lines that `history()` fetches. */
  readonly olderChat: boolean;
}

/** The room before its first snapshot. */
export const emptyRoom: RoomState = {
  id: '',
  self: '',
  number: 0,
  host: undefined,
  settings: { guestControl: false, locked: false, pin: false },
  media: { kind: 'clip' },
  mediaNumber: 0,
  queue: [],
  timeline: { position: 0, rate: 1, playing: false, at: 0, number: 0 },
  gate: undefined,
  members: [],
  memberCount: 0,
  banned: [],
  presence: new Map(),
  typing: [],
  chat: [],
  olderChat: true,
};

/** The own seat; undefined before the first snapshot. */
export function ownMember(state: RoomState): Member | undefined {
  return state.members.find((m) => m.id === state.self);
}

/** Whether the own role allows to control playback and media. */
export function mayControl(state: RoomState): boolean {
  return state.settings.guestControl || mayModerate(state);
}

/** Whether the own role allows to remove and ban guests. */
export function mayModerate(state: RoomState): boolean {
  const role = ownMember(state)?.role;
  return role === 'host' || role === 'moderator';
}

/** The state after a message. Messages that tell nothing about the room leave it as it is. */
export function reduce(state: RoomState, message: ServerMessage): RoomState {
  switch (message.type) {
    case 'welcome': {
      const own = state.self === message.member ? state : { ...state, self: message.member };
      if (message.room) return adopt(own, message.number, message.room, message.presence);
      // What the log does not tell may have changed meanwhile.
      return { ...own, presence: byMember(message.presence), typing: [] };
    }
    case 'snapshot':
      return adopt(state, message.number, message.room, message.presence);
    case 'members': {
      const known = new Set(state.members.map((m) => m.id));
      return { ...state, members: [...state.members, ...message.members.filter((m) => !known.has(m.id))] };
    }
    case 'events':
      return applyAll(state, message);
    case 'presence': {
      const presence = new Map(state.presence);
      for (const p of message.members) presence.set(p.member, p);
      return { ...state, presence };
    }
    case 'typing': {
      const others = state.typing.filter((id) => id !== message.member);
      return { ...state, typing: message.on ? [...others, message.member] : others };
    }
    case 'history':
      return { ...state, ...mergeChat(state, message) };
    default:
      return state;
  }
}

function adopt(
  state: RoomState,
  number: number,
  room: RoomSnapshot,
  presence: readonly Presence[] | undefined,
): RoomState {
  return {
    ...state,
    id: room.id,
    number,
    host: room.host || undefined,
    settings: room.settings,
    media: room.media,
    mediaNumber: room.mediaNumber ?? 0,
    queue: room.queue ?? [],
    timeline: room.timeline,
    gate: room.gate,
    members: room.members,
    memberCount: room.memberCount,
    banned: room.banned ?? [],
    presence: byMember(presence),
    typing: [],
    // Lines beyond it are told again, or were lost with another epoch.
    chat: state.chat.filter((l) => l.number <= number),
  };
}

function byMember(presence: readonly Presence[] = []): ReadonlyMap<string, Presence> {
  return new Map(presence.map((p) => [p.member, p]));
}

function applyAll(state: RoomState, { events, last }: Events): RoomState {
  return { ...events.reduce(applyEvent, state), number: last };
}

/** The state after one event of the log. */
function applyEvent(state: RoomState, event: RoomEvent): RoomState {
  switch (event.type) {
    case 'joined': {
      if (state.members.some((m) => m.id === event.joined.id)) return state;
      return { ...state, members: [...state.members, event.joined], memberCount: state.memberCount + 1 };
    }
    case 'left':
      return withoutMember(state, event.left.member, event.left.reason === 'banned');
    case 'host': {
      const { member } = event.host;
      const members = state.members.map((m): Member => {
        if (m.id === member) return { ...m, role: 'host' };
        return m.id === state.host ? { ...m, role: 'guest' } : m;
      });
      return { ...state, host: member || undefined, members };
    }
    case 'role':
      if (event.role.member === state.host) return state;
      return withMember(state, event.role.member, { role: event.role.role });
    case 'renamed':
      return withMember(state, event.renamed.member, { name: event.renamed.name });
    case 'timeline': {
      const { cause: _, ...timeline } = event.timeline;
      return { ...state, timeline, gate: undefined };
    }
    case 'media':
      return { ...state, media: event.media, mediaNumber: event.number };
    case 'queued':
      if (state.queue.some((q) => q.id === event.queued.item.id)) return state;
      return { ...state, queue: withItem(state.queue, event.queued.item, event.queued.index) };
    case 'unqueued':
      return { ...state, queue: state.queue.filter((q) => q.id !== event.unqueued.item) };
    case 'moved': {
      const item = state.queue.find((q) => q.id === event.moved.item);
      return item ? { ...state, queue: withItem(state.queue, item, event.moved.index) } : state;
    }
    case 'gate':
      return { ...state, gate: event.gate };
    case 'ready': {
      const { gate } = state;
      const { member, gate: number } = event.ready;
      if (gate?.number !== number || !gate.waiting.includes(member) || gate.ready?.includes(member)) return state;
      return { ...state, gate: { ...gate, ready: [...(gate.ready ?? []), member] } };
    }
    case 'chat': {
      const { member, text } = event.chat;
      // History may come first: it goes on another stream.
      if ((state.chat.at(-1)?.number ?? 0) >= event.number) return state;
      const name = state.members.find((m) => m.id === member)?.name ?? '';
      const line: ChatLine = { number: event.number, at: event.at, member, name, text };
      const excess = state.chat.length + 1 - MOST_CHAT;
      if (excess <= 0) return { ...state, chat: [...state.chat, line] };
      return { ...state, chat: [...state.chat.slice(excess), line], olderChat: true };
    }
    case 'settings':
      return { ...state, settings: event.settings };
    case 'unbanned':
      return { ...state, banned: state.banned.filter((b) => b.id !== event.unbanned.id) };
  }
  // An event of a later version: it concerns others.
  return state;
}

/** The queue with an item at a place, and nowhere else. */
function withItem(queue: readonly QueueItem[], item: QueueItem, index: number): readonly QueueItem[] {
  const others = queue.filter((q) => q.id !== item.id);
  return [...others.slice(0, index), item, ...others.slice(index)];
}

function withMember(state: RoomState, id: string, change: Partial<Member>): RoomState {
  return { ...state, members: state.members.map((m) => (m.id === id ? { ...m, ...change } : m)) };
}

function withoutMember(state: RoomState, id: string, banned: boolean): RoomState {
  const gone = state.members.find((m) => m.id === id);
  // Nobody, or a member of a large room who is not listed here.
  if (!gone) return { ...state, memberCount: Math.max(state.members.length, state.memberCount - 1) };
  const presence = new Map(state.presence);
  presence.delete(id);
  return {
    ...state,
    host: state.host === id ? undefined : state.host,
    gate: state.gate && gateWithout(state.gate, id),
    members: state.members.filter((m) => m !== gone),
    memberCount: state.memberCount - 1,
    presence,
    typing: state.typing.filter((t) => t !== id),
    banned: banned ? [...state.banned, { id, name: gone.name }].slice(-MOST_BANNED) : state.banned,
  };
}

/** Who is gone is not waited for: 60 % of the others suffice. */
function gateWithout(gate: Gate, id: string): Gate {
  if (!gate.waiting.includes(id)) return gate;
  const waiting = gate.waiting.filter((w) => w !== id);
  const ready = (gate.ready ?? []).filter((r) => r !== id);
  return { ...gate, waiting, ready, needed: Math.max(1, Math.ceil((waiting.length * 6) / 10)) };
}

/**
 * Merges lines of history, which follow each other without gaps, with those held. Older lines that they do not reach
 * to would leave a gap, and are dropped: `history()` fetches them again when somebody scrolls there.
 */
function mergeChat(state: RoomState, { lines, more }: History): Pick<RoomState, 'chat' | 'olderChat'> {
  const first = lines[0];
  const last = lines.at(-1);
  if (!first || !last) return { chat: state.chat, olderChat: state.chat.length > 0 && state.olderChat && more };
  const before = state.chat.filter((l) => l.number < first.number);
  const after = state.chat.filter((l) => l.number > last.number);
  const reaches = before.length === 0 || state.chat.some((l) => l.number === first.number);
  const kept = reaches ? before : [];
  return { chat: [...kept, ...lines, ...after], olderChat: kept.length > 0 ? state.olderChat : more };
}
