import {
  CloseCode,
  createRoom,
  joinRoom,
  TandemError,
  type ConnectionInfo,
  type Room,
  type TransportKind,
} from '@tandem.watch/client';
import { byId } from './dom.js';
import { explain, hideError, showError } from './errors.js';
import { Home } from './home.js';
import { storage } from './storage.js';
import { watch, type Watching } from './watch.js';

declare global {
  interface Window {
    /** For the curious in the browser's console, and for tests. */
    tandem?: { readonly room: Room; readonly sync: Watching['sync'] };
  }
}

const entering = byId('entering', HTMLParagraphElement);

/** `?transport=websocket` or `?transport=webtransport` forces one, for tests and the curious. */
const forced = new URLSearchParams(location.search).get('transport');
const transports: { transports?: readonly TransportKind[] } =
  forced === 'websocket' || forced === 'webtransport' ? { transports: [forced] } : {};

const home = new Home({
  create: ({ name, pin }) => enter(name, () => createRoom({ name, pin, ...transports })),
  join: ({ room, name, pin }) => enter(name, () => joinRoom({ room, name, pin, ...transports })),
});

function roomInAddress(): string | undefined {
  const code = /^\/r\/([^/]+)\/?$/.exec(location.pathname)?.[1];
  return code && decodeURIComponent(code);
}

async function enter(name: string, open: () => Promise<Room>): Promise<void> {
  hideError();
  storage.name = name;
  show(await open());
}

/** A reload comes back to its seat; whoever else opens a link is asked for a name first. */
async function start(): Promise<void> {
  const id = roomInAddress();
  const seat = id === undefined ? undefined : storage.seat(id);
  if (id === undefined || seat === undefined) return home.show(id);
  entering.hidden = false;
  try {
    await enter(storage.name, () => joinRoom({ room: id, name: storage.name, seat, ...transports }));
  } catch (error) {
    home.show(id);
    if (!(error instanceof TandemError && error.code === 'pin_required')) showError(explain(error), { stays: true });
  } finally {
    entering.hidden = true;
  }
}

function show(room: Room): void {
  const { id } = room.state;
  const path = `/r/${encodeURIComponent(id)}`;
  if (location.pathname !== path) history.pushState(null, '', path + location.search);
  home.hide();
  const watching = watch(room);
  window.tandem = { room, sync: watching.sync };

  const connection = ({ state, closeCode, error }: ConnectionInfo): void => {
    if (state === 'connected' && room.seat) storage.keepSeat(id, room.seat);
    if (state !== 'closed') return;
    watching.stop();
    delete window.tandem;
    // Another window of this browser may have the seat now; this one must not take it back on a reload.
    storage.forgetSeat(id);
    if (error?.code === 'closed' && closeCode === CloseCode.normal) location.assign('/');
    else {
      home.show(id);
      showError(farewell(closeCode, error), { stays: true });
    }
  };
  room.on('connection', connection);
  connection(room.connection);
}

function farewell(code: number | undefined, error: TandemError | undefined): string {
  switch (code) {
    case CloseCode.removed:
      return 'You were removed from the room.';
    case CloseCode.banned:
      return 'You were banned from the room.';
    case CloseCode.replaced:
      return 'Your seat was taken over in another window.';
    default:
      return explain(error);
  }
}

// Back and forward lead to another room, or out of one.
addEventListener('popstate', () => location.reload());
void start();
