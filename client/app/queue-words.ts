import type { RoomState } from '@tandem.watch/client';

type Seen = Pick<RoomState, 'settings' | 'queue' | 'members' | 'memberCount' | 'host' | 'presence'>;

/** Why the queue does not go on by itself just now; empty when it does. */
export function queueNote({ settings, queue, members, memberCount, host, presence }: Seen): string {
  // Of many people only some are listed: who may go on may be among the others.
  if (queue.length === 0 || settings.guestControl || members.length < memberCount) return '';
  const here = members.some(({ id, role }) => (id === host || role === 'moderator') && !presence.get(id)?.away);
  return here ? '' : 'The next video starts when the host or a moderator is here.';
}
