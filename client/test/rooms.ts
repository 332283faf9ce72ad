import { Room } from '../src/room.js';
import type { SessionOptions } from '../src/session.js';
import { connectWebSocket } from '../src/websocket.js';
import { FakeServer } from './fake-server.js';
import { FakeTime } from './fake-time.js';

/** A room of a fake gateway in virtual time, not yet joined. */
export function newRoom(options: Partial<SessionOptions> = {}): { time: FakeTime; server: FakeServer; room: Room } {
  const time = new FakeTime();
  const server = new FakeServer(time);
  const room = new Room({
    room: '7Q2K9XHF3BTW',
    name: 'Ann',
    endpoints: [{ transport: 'websocket', url: 'wss://gateway.example/v1/ws' }],
    joinTimeoutMs: 15_000,
    connect: connectWebSocket,
    environment: time.environment({ openWebSocket: server.connect }),
    ...options,
  });
  return { time, server, room };
}

/** The same, and joined. */
export async function joinedRoom(): Promise<{ time: FakeTime; server: FakeServer; room: Room }> {
  const made = newRoom();
  made.server.welcomeAll();
  const joined = made.room.join();
  await made.time.advance(100);
  await joined;
  return made;
}

/** What a promise has come to: a value, an error's code, or nothing yet. */
export function watchPromise(promise: Promise<unknown>): { readonly outcome: unknown } {
  const watched: { outcome: unknown } = { outcome: 'pending' };
  promise.then(
    (value) => (watched.outcome = value),
    (error: { code?: string }) => (watched.outcome = error.code ?? error),
  );
  return watched;
}
