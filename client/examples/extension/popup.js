// The button's popup: creates or joins a room for the tab that it was opened over, and shows how that does.
const SHOW_MS = 500;
const STATES = { connecting: 'Connecting…', reconnecting: 'Reconnecting…', closed: 'Closed.' };

const byId = (id) => document.getElementById(id);
const say = (text) => (byId('problem').textContent = text);

const tab = await tabBelow();
const kept = await chrome.storage.local.get({ server: 'http://localhost:4001', name: '' });
byId('server').value = kept.server;
byId('name').value = kept.name;

byId('enter').addEventListener('submit', async (event) => {
  event.preventDefault();
  say('');
  byId('go').disabled = true;
  const [server, name, code] = ['server', 'name', 'code'].map((id) => byId(id).value.trim());
  await chrome.storage.local.set({ server, name });
  await ask({ does: code ? 'join' : 'create', server: new URL(server).origin, name, code, title: tab.title?.slice(0, 200) });
  byId('go').disabled = false;
});
byId('leave').addEventListener('click', () => ask({ does: 'leave' }));

await ask({ does: 'look' });
setInterval(() => ask({ does: 'look' }), SHOW_MS);

async function ask(question) {
  const answer = await chrome.runtime.sendMessage({ ...question, tab: tab.id });
  if (answer.error) say(`That did not work: ${answer.error.message} (${answer.error.code ?? 'error'}).`);
  else show(answer);
}

function show({ code, members, connection, videos }) {
  byId('enter').hidden = code !== undefined;
  byId('room').hidden = code === undefined;
  if (!code) return;
  byId('shown-code').textContent = code;
  byId('members').textContent = members.join(', ');
  byId('state').textContent = STATES[connection] ?? (videos > 0 ? 'In step.' : 'This page shows no video yet.');
}

/** A popup lies over the active tab. Opened in a tab of its own, it is about the one that was active before. */
async function tabBelow() {
  const own = await chrome.tabs.getCurrent();
  if (!own) return (await chrome.tabs.query({ active: true, lastFocusedWindow: true }))[0];
  const others = (await chrome.tabs.query({})).filter(({ id }) => id !== own.id);
  return others.sort((a, b) => b.lastAccessed - a.lastAccessed)[0];
}
