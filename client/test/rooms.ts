import type { Environment } from '../src/environment.js';
import { Race } from '../src/race.js';
import { Room } from '../src/room.js';
import type { SessionOptions } from '../src/session.js';
import type { TransportKind } from '../src/transport.js';
import type { Endpoint } from '../src/protocol/index.js';
import { FakeServer } from './fake-server.js';
import { FakeTime } from './fake-time.js';

/** A room of a fake gateway in virtual time, not yet joined. */
export function newRoom(options: Partial<SessionOptions> = {}): { time: FakeTime; server: FakeServer; room: Room } {
  const time = new FakeTime();
  const server = new FakeServer(time);
  const room = roomOf(time.environment({ openWebSocket: server.connect }), options);
  return { time, server, room };
}

/** A room in a browser that has WebTransport, not yet joined. The gateway offers it. */
export function newModernRoom(
  options: Partial<SessionOptions> & { transports?: readonly TransportKind[] } = {},
  overrides: Partial<Environment> = {},
): { time: FakeTime; server: FakeServer; room: Room } {
  const time = new FakeTime();
  const server = new FakeServer(time);
  server.directory = { endpoints: ENDPOINTS };
  return { time, server, room: roomOf(server.environment(overrides), options) };
}

/** What the gateway of these tests says of itself. */
export const ENDPOINTS: readonly Endpoint[] = [
  { transport: 'webtransport', url: 'https://gateway.example:4433/v1/wt', certificateHashes: ['AAEC'] },
  { transport: 'websocket', url: 'wss://gateway.example/v1/ws' },
];

/** A room of that gateway in these surroundings. */
export function roomOf(
  environment: Environment,
  { transports, ...options }: Partial<SessionOptions> & { transports?: readonly TransportKind[] | undefined } = {},
): Room {
  const race = new Race({ gateway: 'https://gateway.example', transports, environment });
  return new Room({
    room: '7Q2K9XHF3BTW',
    name: 'Ann',
    endpoints: race.home,
    joinTimeoutMs: 15_000,
    connect: race.connect,
    environment,
    ...options,
  });
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
