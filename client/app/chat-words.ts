import type { ChatLine, RoomState } from '@tandem.watch/client';
import { make } from './dom.js';
import { formatHour } from './format.js';
import { findLinks } from './links.js';

/** A line of chat as the log shows it. */
export function lineItem(line: ChatLine, own: boolean): HTMLLIElement {
  const pieces = findLinks(line.text).map(({ text, href }) =>
    href === undefined ? text : make('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, text),
  );
  const item = make(
    'li',
    { className: own ? 'own' : '' },
    make('span', { className: 'who' }, line.name),
    ' ',
    make('time', { className: 'when', dateTime: new Date(line.at / 1000).toISOString() }, formatHour(line.at)),
    make('span', { className: 'text' }, ...pieces),
  );
  item.dataset['chatNumber'] = String(line.number);
  item.dataset['group'] = `${line.member} ${Math.floor(line.at / 60e6)}`;
  return item;
}

/** Who types, in words. */
export function typingText({ typing, members, self }: Pick<RoomState, 'typing' | 'members' | 'self'>): string {
  const names = members.filter((m) => m.id !== self && typing.includes(m.id)).map((m) => m.name);
  if (names.length === 0) return '';
  if (names.length > 2) return 'Several people are typing…';
  return `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} typing…`;
}
