// In a page: keeps the largest <video> of this frame where the tab's room is.
import { RemoteRoom } from './remote-room.js';
import { synchronise } from './tandem.js';

/** Smaller ones are decoration, in CSS pixels. */
const LEAST_AREA = 200 * 112;
/** How often to look for another video, in milliseconds: pages change them as they please. */
const LOOK_MS = 1_000;
/** How long to wait when the worker was stopped, in milliseconds. */
const AGAIN_MS = 500;

/** Follows the room until it is over. */
export function follow() {
  // The room is undefined while the worker is away.
  let port, room, chosen, video, sync, area;

  function connect() {
    port = chrome.runtime.connect({ name: 'video' });
    room = new RemoteRoom(port);
    area = undefined;
    port.onMessage.addListener((message) => {
      if (message.over) return end();
      if (message.chosen !== undefined) chosen = message.chosen;
      look();
    });
    port.onDisconnect.addListener(() => {
      letGo();
      room.close();
      room = undefined;
      // The worker was stopped, and starts by being asked; without an extension there is none any more.
      if (chrome.runtime?.id) setTimeout(connect, AGAIN_MS);
      else end();
    });
    look();
  }

  function look() {
    if (!room) return;
    const best = largestVideo();
    const size = best ? areaOf(best) : 0;
    if (size !== area) port.postMessage({ area: (area = size) });
    const wanted = chosen && room.known ? best : undefined;
    if (wanted === video) return;
    letGo();
    if (!wanted) return;
    video = wanted;
    sync = synchronise(video, room, { userControls: true, onBlocked: unblockByGesture });
  }

  function letGo() {
    sync?.stop();
    sync = video = undefined;
  }

  /** The browser wants a gesture before it plays aloud: any that the page gets. */
  function unblockByGesture() {
    const blocked = sync;
    const unblock = () => blocked === sync && sync?.unblock();
    for (const gesture of ['click', 'keydown']) addEventListener(gesture, unblock, { once: true, capture: true });
  }

  const timer = setInterval(look, LOOK_MS);
  function end() {
    clearInterval(timer);
    letGo();
    room?.close();
    room = undefined;
    delete globalThis.tandemFollows;
    port.disconnect();
  }

  connect();
}

function largestVideo() {
  const videos = [...document.querySelectorAll('video')].filter((video) => areaOf(video) >= LEAST_AREA);
  return videos.reduce((best, video) => (best && areaOf(best) >= areaOf(video) ? best : video), undefined);
}

function areaOf(video) {
  return video.offsetWidth * video.offsetHeight;
}
