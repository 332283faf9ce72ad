import { button, byId, make } from './dom.js';
import type { Part } from './watch.js';

const OFFERED = [
  ['👍', 'Thumbs up'],
  ['❤️', 'Heart'],
  ['😂', 'Laughing'],
  ['😮', 'Astonished'],
  ['😢', 'Crying'],
  ['👏', 'Applause'],
] as const;
const SHOWN_MS = 2_500;
const MOST_SHOWN = 6;

/** Reactions: a row of buttons, and what others show for a moment over the video. */
export class Reactions {
  constructor({ room }: Part) {
    const shown = byId('reactions-shown', HTMLDivElement);
    const buttons = OFFERED.map(([emoji, label]) => {
      const made = button(emoji, () => room.react(emoji));
      made.ariaLabel = label;
      made.title = label;
      return made;
    });
    byId('reactions', HTMLDivElement).replaceChildren(...buttons);
    room.on('reaction', ({ member, reaction }) => {
      const name = room.state.members.find((m) => m.id === member)?.name ?? '';
      const item = make('span', {}, `${reaction} ${name}`);
      shown.append(item);
      while (shown.childElementCount > MOST_SHOWN) shown.firstElementChild?.remove();
      setTimeout(() => item.remove(), SHOWN_MS);
    });
  }
}
