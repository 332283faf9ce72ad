import { formatRoomCode, synchronise, type Room, type RoomState, type Synchronised } from '@tandem.watch/client';
import { Cameras } from './cameras.js';
import { Chat } from './chat.js';
import { Controls } from './controls.js';
import { byId, setText } from './dom.js';
import { attempt, showError } from './errors.js';
import { listenToKeys, openHelp } from './keyboard.js';
import { MediaLoader } from './media.js';
import { MediaDialog } from './media-dialog.js';
import { followMediaSession } from './media-session.js';
import { Members } from './members.js';
import { Queue } from './queue.js';
import { Reactions } from './reactions.js';
import { listenToPicture, showNotes, Unblock } from './screen.js';
import { RoomSettings } from './settings.js';
import { prepareSharing } from './share.js';
import { Sound } from './sound.js';
import { Stage } from './stage.js';
import { Subtitles } from './subtitles.js';
import { Tabs } from './tabs.js';
import { Vitals } from './vitals.js';
import { keepAwake } from './wake-lock.js';

const SKIP = 5;
const FAR = 10;

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

/** Shows the room's place on the page, before the room is there. */
export function showEntering(on: boolean): void {
  const view = byId('watch', HTMLElement);
  view.hidden = !on;
  view.inert = on;
  // Where there is room for it below the picture.
  byId('vitals', HTMLDetailsElement).open = matchMedia('(min-width: 55rem) and (min-height: 60rem)').matches;
  setText(byId('screen-note', HTMLParagraphElement), on ? 'Coming in…' : '');
}

/** Shows a room. */
export function watch(room: Room): Watching {
  const over = new AbortController();
  const part: Part = { room, signal: over.signal };
  const video = byId('video', HTMLVideoElement);
  const view = byId('watch', HTMLElement);
  if (view.hidden) showEntering(true);

  const media = new MediaDialog(part, () => loader);
  const loader = new MediaLoader(part, video, () => media.open());
  const unblock = new Unblock(video, () => sync, over.signal);
  const sync = synchronise(video, room, { onBlocked: ({ muted }) => unblock.show(muted) });

  const stage = new Stage(video, over.signal);
  const controls = new Controls(part, video);
  listenToPicture(video, stage, () => controls.toggle(), over.signal);
  showNotes(part);
  const sound = new Sound(video, over.signal);
  const subtitles = new Subtitles(part, video);
  new Vitals(part, sync);
  new Members(part);
  new Queue(part);
  new Reactions(part);
  new Cameras(part);
  new RoomSettings(part);
  prepareSharing(part);
  const { chat, showChat } = startChat(part, stage);

  listenToKeys(
    {
      play: () => controls.toggle(),
      back: () => controls.seekBy(-SKIP),
      forward: () => controls.seekBy(SKIP),
      farBack: () => controls.seekBy(-FAR),
      farForward: () => controls.seekBy(FAR),
      louder: () => sound.louder(),
      quieter: () => sound.quieter(),
      mute: () => sound.toggle(),
      fullscreen: () => stage.toggleFullscreen(),
      captions: () => subtitles.toggle(),
      chat: () => (showChat(), chat.focus()),
      help: openHelp,
    },
    over.signal,
  );
  followMediaSession(part, () => ({
    play: () => controls.play(),
    pause: () => controls.pause(),
    seekBy: (seconds) => controls.seekBy(seconds),
    seekTo: (position) => controls.seekTo(position),
    next: room.state.queue.length > 0 ? () => controls.next() : undefined,
  }));
  keepAwake(video, over.signal);
  showTools(part);
  room.on('error', (error) => showError(error.message));
  view.inert = false;
  // Whoever came in by a form that is gone now goes on from here.
  const focused = document.activeElement;
  if (!focused || focused === document.body || !focused.checkVisibility()) view.focus({ preventScroll: true });

  return {
    sync,
    stop: () => {
      over.abort();
      sync.stop();
      video.pause();
      video.removeAttribute('src');
      video.load();
      view.hidden = true;
    },
  };
}

/** The chat, and the panel that it is in with the others. */
function startChat(part: Part, stage: Stage): { chat: Chat; showChat: () => void } {
  const unread = byId('chat-unread', HTMLSpanElement);
  // The chat asks whether its tab is open, and the tab tells the chat that it was opened.
  let tabs: Tabs | undefined;
  const chat = new Chat(part, {
    get open() {
      return tabs?.current === 'chat' && stage.panelOpen;
    },
    unread: (count) => {
      unread.hidden = count === 0;
      setText(unread, String(count));
      unread.title = `${count} unread`;
    },
  });
  tabs = new Tabs(part.signal, (name) => name === 'chat' && chat.seen());
  const showChat = (): void => {
    stage.togglePanel(true);
    tabs?.select('chat');
  };
  const input = byId('chat-input', HTMLInputElement);
  const escape = ({ key }: KeyboardEvent): void => {
    if (key === 'Escape') byId('play-button', HTMLButtonElement).focus();
  };
  input.addEventListener('keydown', escape, { signal: part.signal });
  return { chat, showChat };
}

/** The room's name and code, and the way out. */
function showTools({ room, signal }: Part): void {
  const tools = byId('room-tools', HTMLDivElement);
  const title = byId('room-title', HTMLElement);
  const code = formatRoomCode(room.state.id);
  setText(byId('room-code', HTMLOutputElement), code);
  tools.hidden = false;
  const show = ({ settings }: RoomState): void => {
    if (signal.aborted) return;
    const { title: name = '', locked } = settings;
    setText(title, name);
    title.title = name;
    title.hidden = name === '';
    byId('room-lock', SVGSVGElement).toggleAttribute('hidden', !locked);
    document.title = `${name || code} · tandem`;
  };
  room.subscribe(show);
  signal.addEventListener('abort', () => {
    tools.hidden = true;
    document.title = 'tandem';
  });
  byId('help-button', HTMLButtonElement).addEventListener('click', openHelp, { signal });
  byId('leave-button', HTMLButtonElement).addEventListener('click', () => attempt(room.leave()), { signal });
}
