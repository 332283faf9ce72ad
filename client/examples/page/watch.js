// A page of one's own site, watching together by a tandem gateway. Put your gateway's address in the place of
// http://localhost:4001, here and in index.html.
import { createRoom, joinRoom, synchronise } from 'http://localhost:4001/sdk/v1/tandem.js';

const byId = (id) => document.getElementById(id);

byId('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  byId('problem').textContent = '';
  try {
    watch(await enter(byId('name').value));
  } catch (error) {
    byId('problem').textContent = `That did not work: ${error.message} (${error.code}).`;
  }
});

/** Whoever has the address of a room joins it; whoever has none creates one. The part after # goes to no server. */
function enter(name) {
  const code = location.hash.slice(1);
  if (code) return joinRoom({ room: code, name, seat: sessionStorage.getItem(code) ?? undefined });
  const media = { kind: 'url', url: byId('video').src, title: 'The test clip' };
  return createRoom({ name, media });
}

function watch(room) {
  const { id } = room.state;
  location.hash = id;
  byId('link').textContent = byId('link').href = location.href;
  byId('form').hidden = true;
  byId('room').hidden = false;

  // The video's own controls now play, pause and seek for everybody.
  const sync = synchronise(byId('video'), room, {
    userControls: true,
    onBlocked: () => (byId('sound').hidden = false),
  });
  byId('sound').addEventListener('click', () => {
    byId('sound').hidden = true;
    sync.unblock();
  });

  room.subscribe(({ members }) => {
    byId('members').textContent = members.map((member) => member.name).join(', ');
  });

  // By its seat a page that is loaded again is the same member as before. Who was away for long comes back to a new one.
  const keepSeat = () => sessionStorage.setItem(id, room.seat);
  keepSeat();
  room.on('connection', ({ state, error }) => {
    byId('connection').textContent = state === 'connected' ? '' : `The connection is ${state}.`;
    if (state === 'connected') keepSeat();
    if (state !== 'closed') return;
    sync.stop();
    byId('problem').textContent = `You are no longer in the room: ${error.message}.`;
  });
  room.on('error', (error) => (byId('problem').textContent = error.message));
}
