import type { RoomState, Synchronised } from '@tandem.watch/client';
import { byId, setText } from './dom.js';
import type { Stage } from './stage.js';
import type { Part } from './watch.js';

/** So many are named of those who are waited for. */
const MOST_NAMED = 2;

/** What is told over the picture: who is waited for, and that the connection is away. */
export function showNotes({ room, signal }: Part): void {
  const note = byId('screen-note', HTMLParagraphElement);
  const show = (): void => {
    if (signal.aborted) return;
    const away = room.connection.state === 'reconnecting';
    setText(note, away ? 'Reconnecting… what you do is sent as soon as it works again' : waitingFor(room.state));
  };
  room.subscribe(show);
  room.on('connection', show);
  signal.addEventListener('abort', () => setText(note, ''));
}

/** Whom an open gate waits for, in words. */
export function waitingFor({ gate, members, self }: Pick<RoomState, 'gate' | 'members' | 'self'>): string {
  if (!gate) return '';
  const missing = gate.waiting.filter((id) => !gate.ready?.includes(id));
  if (missing.length === 0) return '';
  if (missing.length === 1 && missing[0] === self) return 'Loading…';
  const names = missing.flatMap((id) => (id === self ? [] : (members.find((m) => m.id === id)?.name ?? [])));
  const named = names.slice(0, MOST_NAMED).join(' and ');
  return names.length > MOST_NAMED || named === '' ? `Waiting for ${missing.length} to be ready…` : `Waiting for ${named}…`;
}

/** What a click or a touch on the picture does. */
export function listenToPicture(video: HTMLVideoElement, stage: Stage, toggle: () => void, signal: AbortSignal): void {
  // A touch that only brings the controls back must not stop the film for everybody; it wakes them before its click.
  let touched = false;
  video.addEventListener('pointerdown', ({ pointerType }) => (touched = pointerType === 'touch'), { signal });
  video.addEventListener('click', () => touched || toggle(), { signal });
  video.addEventListener('dblclick', () => touched || stage.toggleFullscreen(), { signal });
}

/** The button that a browser wants clicked before it plays aloud. */
export class Unblock {
  readonly #bar = byId('unblock-bar', HTMLDivElement);
  readonly #button = byId('unblock', HTMLButtonElement);

  constructor(video: HTMLVideoElement, sync: () => Synchronised, signal: AbortSignal) {
    const unblocked = (): void => {
      if (this.#bar.hidden) return;
      this.#bar.hidden = true;
      sync().unblock();
    };
    this.#button.addEventListener('click', unblocked, { signal });
    // Whoever turns the sound on elsewhere has made the gesture too.
    video.addEventListener('volumechange', () => video.muted || unblocked(), { signal });
    signal.addEventListener('abort', () => (this.#bar.hidden = true));
  }

  show(muted: boolean): void {
    setText(
      byId('unblock-text', HTMLParagraphElement),
      muted ? 'Playing without sound: your browser wants a click first.' : 'Your browser wants a click before it plays.',
    );
    setText(this.#button, muted ? 'Turn the sound on' : 'Play here too');
    this.#bar.hidden = false;
  }
}
