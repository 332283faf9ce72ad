import { formatRoomCode, mayControl, type RoomState } from '@tandem.watch/client';
import { titleOf } from './media-words.js';
import type { Part } from './watch.js';

/** What the keys of a keyboard, a headset or a lock screen do. */
export interface MediaKeys {
  play(): void;
  pause(): void;
  seekBy(seconds: number): void;
  seekTo(position: number): void;
  /** Absent while nothing comes next. */
  next?: (() => void) | undefined;
}

const SKIP = 10;

/** Shows the room where the system shows what plays, and takes its keys for commands to the room. */
export function followMediaSession({ room, signal }: Part, keys: () => MediaKeys): void {
  const session = (navigator as Partial<Navigator>).mediaSession;
  if (!session) return;
  let shownTitle: string | undefined;
  let shownPlaying: boolean | undefined;
  let mayBefore: string | undefined;

  const show = (state: RoomState): void => {
    if (signal.aborted) return;
    const title = titleOf(state.media);
    if (title !== shownTitle) {
      shownTitle = title;
      const artwork = [{ src: new URL('/app/icon.svg', location.href).href, type: 'image/svg+xml', sizes: 'any' }];
      session.metadata = new MediaMetadata({ title, artist: `tandem · ${formatRoomCode(state.id)}`, artwork });
    }
    const playing = state.timeline.playing || state.gate !== undefined;
    if (playing !== shownPlaying) session.playbackState = (shownPlaying = playing) ? 'playing' : 'paused';
    const { next } = keys();
    const may = `${mayControl(state)} ${next !== undefined}`;
    if (may === mayBefore) return;
    mayBefore = may;
    const on = (action: MediaSessionAction, run: MediaSessionActionHandler | null): void => {
      try {
        session.setActionHandler(action, mayControl(state) ? run : null);
      } catch {
        // A browser that does not know the action.
      }
    };
    on('play', () => keys().play());
    on('pause', () => keys().pause());
    on('seekbackward', (details) => keys().seekBy(-(details.seekOffset ?? SKIP)));
    on('seekforward', (details) => keys().seekBy(details.seekOffset ?? SKIP));
    on('seekto', (details) => details.seekTime !== undefined && keys().seekTo(details.seekTime));
    on('nexttrack', next ? () => keys().next?.() : null);
  };
  room.subscribe(show);
  signal.addEventListener('abort', () => {
    session.metadata = null;
    session.playbackState = 'none';
    for (const action of ['play', 'pause', 'seekbackward', 'seekforward', 'seekto', 'nexttrack'] as const) {
      try {
        session.setActionHandler(action, null);
      } catch {
        // As above.
      }
    }
  });
}
