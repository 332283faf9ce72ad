import {
  CloseCode,
  createRoom,
  joinRoom,
  TandemError,
  type ConnectionInfo,
  type Room,
  type TransportKind,
} from '@tandem.watch/client';
import { closeDialogs, prepareDialogs } from './dialogs.js';
import { byId } from './dom.js';
import { hideError, prepareErrors } from './errors.js';
import { Home } from './home.js';
import { roomIn } from './links.js';
import { problemOfEnding, problemOfEntering, type Problem } from './problem.js';
import { hideProblem, showProblem } from './problem-view.js';
import { storage } from './storage.js';
import { showEntering, watch, type Watching } from './watch.js';

declare global {
  interface Window {
    /** For the curious in the browser's console, and for tests. */
    tandem?: { readonly room: Room; readonly sync: Watching['sync'] };
  }
}

/** `?transport=websocket` or `?transport=webtransport` forces one, for tests and the curious. */
const forced = new URLSearchParams(location.search).get('transport');
const transports: { transports?: readonly TransportKind[] } =
  forced === 'websocket' || forced === 'webtransport' ? { transports: [forced] } : {};

const home = new Home({
  create: ({ name, pin }) => enter(name, () => createRoom({ name, pin, ...transports })),
  join: ({ room, name, pin }) => enter(name, () => joinRoom({ room, name, pin, ...transports })),
  refused,
});

function roomInAddress(): string | undefined {
  return roomIn(location.pathname);
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
  home.hide();
  showEntering(true);
  try {
    await enter(storage.name, () => joinRoom({ room: id, name: storage.name, seat, ...transports }));
  } catch (error) {
    showEntering(false);
    if (refused(error)) return;
    home.show(id);
    if (!(error instanceof TandemError && error.code === 'pin_required')) home.explain(error);
  }
}

/** Tells why one is not let in, when no other name or PIN would help. */
function refused(error: unknown): boolean {
  const problem = problemOfEntering(error);
  // At the start page the form stays: it may be a matter of a letter.
  if (!problem || roomInAddress() === undefined) return false;
  stop(problem);
  return true;
}

/** Shows a problem in place of everything else. */
function stop(problem: Problem): void {
  home.hide();
  showProblem(problem, (action) => {
    hideProblem();
    switch (action) {
      case 'retry':
        return location.reload();
      case 'rejoin':
        return home.show(roomInAddress());
      case 'home':
      case 'code':
        return location.assign('/');
    }
  });
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
    closeDialogs();
    delete window.tandem;
    // Another window of this browser may have the seat now; this one must not take it back on a reload.
    storage.forgetSeat(id);
    if (error?.code === 'closed' && closeCode === CloseCode.normal) location.assign('/');
    else stop(problemOfEnding(closeCode, error));
  };
  room.on('connection', connection);
  connection(room.connection);
}

prepareDialogs();
prepareErrors();
const skip = byId('skip', HTMLAnchorElement);
skip.addEventListener('click', (event) => {
  event.preventDefault();
  document.querySelector<HTMLElement>('main:not([hidden]) :is(input, button):not([hidden], :disabled)')?.focus();
});
// Back and forward lead to another room, or out of one.
addEventListener('popstate', () => location.reload());
void start();
