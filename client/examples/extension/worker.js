// The service worker owns the connections: one room for each tab that is in one.
//
// Why here, and not in the page: a content script connects as the page's origin, so every site would have to be allowed
// by the gateway, and a page over https could not reach a gateway over http at all. The worker connects as
// chrome-extension://<id>, whatever site the tab shows, and stays in the room while the tab moves from page to page.
import { createRoom, formatRoomCode, joinRoom } from './tandem.js';

/** What a content script may ask of the room. */
const CALLS = new Set(['play', 'pause', 'seek', 'ready']);

/** By tab: the room, or the promise of it. */
const rooms = new Map();
/** By tab: the ports of the frames that have a video, and how large it is. */
const frames = new Map();

// Rooms.

/** Which seats the tabs have, kept while the browser runs: the worker may be stopped and started at any time. */
const seats = {
  of: async (tab) => (await chrome.storage.session.get(`seat-${tab}`))[`seat-${tab}`],
  keep: (tab, seat) => chrome.storage.session.set({ [`seat-${tab}`]: seat }),
  forget: (tab) => chrome.storage.session.remove(`seat-${tab}`),
};

/** The tab's room; undefined when it is in none. */
function roomOf(tab) {
  if (!rooms.has(tab)) rooms.set(tab, comeBack(tab));
  const held = rooms.get(tab);
  return held.then((room) => {
    if (!room && rooms.get(tab) === held) rooms.delete(tab);
    return room;
  });
}

/** Whether the tab is still in this room: meanwhile it may have left, or be in another. */
async function isIn(tab, room) {
  const held = rooms.get(tab);
  return (await held) === room && rooms.get(tab) === held;
}

async function comeBack(tab) {
  const seat = await seats.of(tab);
  if (!seat) return undefined;
  return joinRoom(seat).then((room) => settle(tab, room, seat), async ({ code }) => {
    // A gateway that is away for a while may be there when the tab moves on.
    if (code !== 'timeout' && code !== 'unavailable') await seats.forget(tab);
  });
}

/** The tab is in this room from now on. */
async function settle(tab, room, { server, name }) {
  const keepSeat = () => seats.keep(tab, { server, name, room: room.state.id, seat: room.seat });
  room.on('state', () => tellFrames(tab, room));
  room.on('connection', async ({ state }) => {
    if (!(await isIn(tab, room))) return;
    // By its own wish, or removed: not merely away for a moment.
    if (state === 'closed') await leave(tab);
    else if (room.seat) await keepSeat();
  });
  await keepSeat();
  return room;
}

async function enter(tab, open, options) {
  // One after the other: what the tab was in before is left first, also when it is asked twice at once.
  const entered = leave(tab).then(open).then((room) => settle(tab, room, options));
  // A second question meanwhile is about the same room.
  const held = entered.catch(() => undefined);
  rooms.set(tab, held);
  try {
    const room = await entered;
    await inject(tab);
    return room;
  } catch (error) {
    // A page that belongs to the browser, for one: nobody is to be in a room whose video they do not see. What is not
    // held any more was left by whoever came after.
    if (rooms.get(tab) === held) await leave(tab);
    throw error;
  }
}

async function leave(tab) {
  const left = rooms.get(tab);
  rooms.delete(tab);
  const room = await left;
  await seats.forget(tab);
  for (const port of frames.get(tab)?.keys() ?? []) tell(port, { over: true });
  await room?.leave().catch(() => undefined);
}

// Pages. Nothing is put into the pages of tabs that are in no room.

async function inject(tab, frameIds) {
  const target = frameIds ? { tabId: tab, frameIds } : { tabId: tab, allFrames: true };
  await chrome.scripting.executeScript({ target, files: ['content.js'] });
}

chrome.webNavigation.onDOMContentLoaded.addListener(async ({ tabId, frameId }) => {
  // A frame may be gone again by now, or belong to the browser.
  if (await roomOf(tabId)) await inject(tabId, [frameId]).catch(() => undefined);
});

chrome.tabs.onRemoved.addListener(async (tab) => {
  await roomOf(tab);
  await leave(tab);
});

// Videos: each frame that has one holds a port, and the largest video of the tab is kept in step.

chrome.runtime.onConnect.addListener(async (port) => {
  const tab = port.sender?.tab?.id;
  if (port.name !== 'video' || tab === undefined) return;
  // Before anything is waited for: a port that is gone by then has to be known to be gone.
  if (!frames.has(tab)) frames.set(tab, new Map());
  frames.get(tab).set(port, 0);
  const early = [];
  let receive = (message) => early.push(message);
  port.onMessage.addListener((message) => receive(message));
  port.onDisconnect.addListener(() => letGo(tab, port));
  const room = await roomOf(tab);
  if (!frames.get(tab)?.has(port)) return;
  if (!room) {
    letGo(tab, port);
    return tell(port, { over: true });
  }
  receive = (message) => hear(tab, room, port, message);
  tellFrames(tab, room);
  early.forEach(receive);
});

/** Says something to a frame, which may be gone before its port tells so. */
function tell(port, message) {
  try {
    port.postMessage(message);
  } catch {
    // Its `onDisconnect` follows, or has been.
  }
}

function letGo(tab, port) {
  const ports = frames.get(tab);
  ports?.delete(port);
  if (ports?.size === 0) frames.delete(tab);
  choose(tab);
}

function hear(tab, room, port, { probe, area, call, id, args, report }) {
  if (probe !== undefined) {
    const { errorMs, rttMs } = room.clock;
    // JSON has no Infinity, which an unknown error is.
    tell(port, { probe, time: room.clock.now(), errorMs: Math.min(errorMs, 1e6), rttMs });
  }
  if (area !== undefined) {
    frames.get(tab)?.set(port, area);
    choose(tab);
  }
  if (report) room.report(report);
  if (CALLS.has(call)) {
    room[call](...args).then(
      (number) => tell(port, { id, number }),
      ({ code, message }) => tell(port, { id, error: { code, message } }),
    );
  }
}

function choose(tab) {
  const all = [...(frames.get(tab) ?? [])];
  const most = Math.max(...all.map(([, area]) => area));
  const [chosen] = all.find(([, area]) => area === most && area > 0) ?? [];
  for (const [port] of all) tell(port, { chosen: port === chosen });
}

function tellFrames(tab, room) {
  const { self, timeline, gate } = room.state;
  for (const port of frames.get(tab)?.keys() ?? []) tell(port, { state: { self, timeline, gate } });
}

// The popup.

chrome.runtime.onMessage.addListener((message, sender, answer) => {
  // Content scripts are in pages, and have nothing to ask here.
  if (!sender.url?.startsWith(chrome.runtime.getURL('popup.html'))) return false;
  command(message).then(answer, ({ code, message }) => answer({ error: { code, message } }));
  return true;
});

async function command({ does, tab, server, name, code, title }) {
  switch (does) {
    case 'create':
      await enter(tab, () => createRoom({ server, name, media: { kind: 'file', title } }), { server, name });
      break;
    case 'join':
      await enter(tab, () => joinRoom({ server, name, room: code }), { server, name });
      break;
    case 'leave':
      await leave(tab);
  }
  const room = await roomOf(tab);
  if (!room) return {};
  const { id, members } = room.state;
  const videos = [...(frames.get(tab)?.values() ?? [])].filter((area) => area > 0).length;
  return { code: formatRoomCode(id), members: members.map((m) => m.name), connection: room.connection.state, videos };
}
