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
  return rooms.get(tab).then((room) => {
    if (!room) rooms.delete(tab);
    return room;
  });
}

async function comeBack(tab) {
  const seat = await seats.of(tab);
  if (!seat) return undefined;
  return joinRoom(seat).then((room) => settle(tab, room, seat), ({ code }) => {
    // A gateway that is away for a while may be there when the tab moves on.
    if (code !== 'timeout' && code !== 'unavailable') seats.forget(tab);
  });
}

/** The tab is in this room from now on. */
async function settle(tab, room, { server, name }) {
  await seats.keep(tab, { server, name, room: room.state.id, seat: room.seat });
  room.on('state', () => tellFrames(tab, room));
  room.on('connection', ({ state }) => {
    // By its own wish, or removed: not merely away for a moment.
    if (state === 'closed') leave(tab);
    else if (room.seat) seats.keep(tab, { server, name, room: room.state.id, seat: room.seat });
  });
  return room;
}

async function enter(tab, entering, options) {
  await leave(tab);
  const entered = entering.then((room) => settle(tab, room, options));
  // A second question meanwhile is about the same room.
  rooms.set(tab, entered.catch(() => undefined));
  try {
    const room = await entered;
    await inject(tab);
    return room;
  } catch (error) {
    rooms.delete(tab);
    throw error;
  }
}

async function leave(tab) {
  const room = await rooms.get(tab);
  rooms.delete(tab);
  await seats.forget(tab);
  for (const port of frames.get(tab)?.keys() ?? []) port.postMessage({ over: true });
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
  const early = [];
  let receive = (message) => early.push(message);
  port.onMessage.addListener((message) => receive(message));
  port.onDisconnect.addListener(() => {
    frames.get(tab)?.delete(port);
    choose(tab);
  });
  const room = await roomOf(tab);
  if (!room) return port.postMessage({ over: true });
  if (!frames.has(tab)) frames.set(tab, new Map());
  frames.get(tab).set(port, 0);
  receive = (message) => hear(tab, room, port, message);
  tellFrames(tab, room);
  early.forEach(receive);
});

function hear(tab, room, port, { probe, area, call, id, args, report }) {
  if (probe !== undefined) {
    const { errorMs, rttMs } = room.clock;
    // JSON has no Infinity, which an unknown error is.
    port.postMessage({ probe, time: room.clock.now(), errorMs: Math.min(errorMs, 1e6), rttMs });
  }
  if (area !== undefined) {
    frames.get(tab)?.set(port, area);
    choose(tab);
  }
  if (report) room.report(report);
  if (CALLS.has(call)) {
    room[call](...args).then(
      (number) => port.postMessage({ id, number }),
      ({ code, message }) => port.postMessage({ id, error: { code, message } }),
    );
  }
}

function choose(tab) {
  const all = [...(frames.get(tab) ?? [])];
  const most = Math.max(...all.map(([, area]) => area));
  const [chosen] = all.find(([, area]) => area === most && area > 0) ?? [];
  for (const [port] of all) port.postMessage({ chosen: port === chosen });
}

function tellFrames(tab, room) {
  const { self, timeline, gate } = room.state;
  for (const port of frames.get(tab)?.keys() ?? []) port.postMessage({ state: { self, timeline, gate } });
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
      await enter(tab, createRoom({ server, name, media: { kind: 'file', title } }), { server, name });
      break;
    case 'join':
      await enter(tab, joinRoom({ server, name, room: code }), { server, name });
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
