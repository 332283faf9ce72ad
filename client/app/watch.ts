import { formatRoomCode, synchronise, type Room, type Synchronised } from '@tandem.watch/client';
import { Cameras } from './cameras.js';
import { Chat } from './chat.js';
import { Controls } from './controls.js';
import { byId, setText } from './dom.js';
import { attempt, showError } from './errors.js';
import { MediaSource } from './media.js';
import { Members } from './members.js';
import { Reactions } from './reactions.js';
import { RoomSettings } from './settings.js';
import { StateLine } from './state-line.js';

const COPIED_MS = 2_000;

/** A room on the page. */
export interface Watching {
  readonly sync: Synchronised;
  /** Takes the room off the page. */
  stop(): void;
}

/** What each part of the page uses: the room, and a signal that is aborted when the room leaves the page. */
export interface Part {
  readonly room: Room;
  readonly signal: AbortSignal;
}

/** Shows a room. */
export function watch(room: Room): Watching {
  const over = new AbortController();
  const part: Part = { room, signal: over.signal };
  const video = byId('video', HTMLVideoElement);
  const unblock = byId('unblock', HTMLButtonElement);

  new MediaSource(part, video);
  const sync = synchronise(video, room, {
    onBlocked: ({ muted }) => {
      setText(unblock, muted ? 'Turn the sound on' : 'Play here too');
      unblock.hidden = false;
    },
  });
  const unblocked = (): void => {
    unblock.hidden = true;
    sync.unblock();
  };
  unblock.addEventListener('click', unblocked, { signal: over.signal });
  // Whoever turns the sound on elsewhere has made the gesture too.
  video.addEventListener('volumechange', () => video.muted || unblocked(), { signal: over.signal });

  new Controls(part, video);
  new Members(part);
  new Chat(part);
  new Reactions(part);
  new Cameras(part);
  new RoomSettings(part);
  new StateLine(part, sync);
  showTools(part);
  room.on('error', (error) => showError(error.message));
  byId('watch', HTMLElement).hidden = false;

  return {
    sync,
    stop: () => {
      over.abort();
      sync.stop();
      unblock.hidden = true;
      video.pause();
      video.removeAttribute('src');
      video.load();
      byId('watch', HTMLElement).hidden = true;
    },
  };
}

/** The room's code, its link, and the way out. */
function showTools({ room, signal }: Part): void {
  const tools = byId('room-tools', HTMLDivElement);
  const copy = byId('copy-link', HTMLButtonElement);
  const label = copy.textContent ?? '';
  setText(byId('room-code', HTMLOutputElement), formatRoomCode(room.state.id));
  tools.hidden = false;
  document.title = `tandem · ${formatRoomCode(room.state.id)}`;
  signal.addEventListener('abort', () => {
    tools.hidden = true;
    document.title = 'tandem';
  });
  copy.addEventListener(
    'click',
    () => {
      const link = location.origin + location.pathname;
      // Pages that are no secure context have no clipboard.
      const done = navigator.clipboard?.writeText(link) ?? Promise.reject(new Error('no clipboard'));
      done.then(
        () => {
          setText(copy, 'Copied');
          setTimeout(() => setText(copy, label), COPIED_MS);
        },
        () => void prompt('The link of this room:', link),
      );
    },
    { signal },
  );
  byId('leave-button', HTMLButtonElement).addEventListener('click', () => attempt(room.leave()), { signal });
}
