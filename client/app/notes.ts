import type { LeaveReason, RoomEvent } from '@tandem.watch/client';
import { titleOf } from './media-words.js';

/** The names of everybody who was seen in the room, also of those who are gone. */
export type Names = ReadonlyMap<string, string>;

/** What an event is told as among the lines of the chat; undefined for what is not told there. */
export function noteOf(event: RoomEvent, names: Names, self: string): string | undefined {
  const name = (id: string | undefined): string => (id !== undefined && names.get(id)) || 'Somebody';
  const who = (id: string | undefined): string => (id === self ? 'You' : name(id));
  const are = (id: string): string => (id === self ? 'are' : 'is');
  switch (event.type) {
    case 'joined':
      return `${event.joined.name} came in`;
    case 'left':
      return leaving(name(event.left.member), event.left.reason);
    case 'host':
      return event.host.member ? `${who(event.host.member)} ${are(event.host.member)} host now` : undefined;
    case 'role': {
      const { member, role } = event.role;
      return role === 'moderator' ? `${who(member)} ${are(member)} moderator now` : `${who(member)} ${are(member)} a guest now`;
    }
    case 'renamed':
      return `${name(event.renamed.member)} is called ${event.renamed.name} now`;
    case 'media':
      return event.by ? `${who(event.by)} chose “${titleOf(event.media)}”` : `Now: “${titleOf(event.media)}”`;
    case 'queued':
      return `${who(event.by)} added “${titleOf(event.queued.item.media)}” to the queue`;
  }
  return undefined;
}

function leaving(name: string, reason: LeaveReason): string {
  switch (reason) {
    case 'removed':
      return `${name} was removed`;
    case 'banned':
      return `${name} was banned`;
    case 'expired':
      return `${name} is gone`;
    default:
      return `${name} left`;
  }
}
