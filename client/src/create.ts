import { platform, type Environment } from './environment.js';
import { TandemError } from './errors.js';
import type { ErrorCode, Media } from './protocol/index.js';
import { Race } from './race.js';
import { Room, type TransportInfo } from './room.js';
import type { Connect, TransportKind } from './transport.js';

const JOIN_TIMEOUT_MS = 15_000;

/** What creating and joining share. */
export interface ServerOptions {
  /** The gateway's address, such as `https://tandem.example`; without it, where the page came from. */
  readonly server?: string;
  /** How long to keep trying to get in, in milliseconds; 15 s without it. Once in, reconnecting never gives up. */
  readonly joinTimeoutMs?: number;
  /** Which transports to use; without it all that there are, WebTransport first. To force one, for tests. */
  readonly transports?: readonly TransportKind[];
  /** Is told which transport carries the messages, and why, from the first one on: see {@link RoomEvents.transport}. */
  readonly onTransport?: (info: TransportInfo) => void;
  /** How to reach a gateway; without it, by the best transport there is. */
  readonly connect?: Connect;
  /** The surroundings; without it, the platform's. */
  readonly environment?: Partial<Environment>;
}

export interface JoinOptions extends ServerOptions {
  /** The room's id or code. */
  readonly room: string;
  /** The display name: 1 to 50 characters. */
  readonly name: string;
  /** Opens a room that has one. */
  readonly pin?: string;
  /** A seat token to come back by; when the seat has expired, this enters as a new member. */
  readonly seat?: string;
}

export interface CreateOptions extends ServerOptions {
  /** The display name: 1 to 50 characters. */
  readonly name: string;
  /** Asked of everybody else: at most 32 characters. */
  readonly pin?: string;
  /** What the room is called: at most 100 characters. */
  readonly title?: string;
  readonly media?: Media;
}

/** What anybody may know of a room. */
export interface RoomInfo {
  readonly id: string;
  /** What the room is called; absent where a PIN is asked. */
  readonly title?: string;
  /** Whether a PIN is asked. */
  readonly pin: boolean;
  readonly locked: boolean;
  readonly members: number;
}

/**
 * Enters a room. Resolves when the room's state is there; rejects with a {@link TandemError} such as
 * `room_not_found`, `pin_required`, `pin_invalid`, `room_locked`, `banned` or `timeout`.
 */
export async function joinRoom(options: JoinOptions): Promise<Room> {
  const { room: id, name, pin, seat, onTransport } = options;
  const environment = environmentOf(options);
  const race = new Race({ gateway: serverOf(options), transports: options.transports, environment });
  const room = new Room({
    room: id,
    name,
    pin,
    seat,
    endpoints: race.home,
    joinTimeoutMs: options.joinTimeoutMs ?? JOIN_TIMEOUT_MS,
    connect: options.connect ?? race.connect,
    environment,
  });
  room.on('connection', ({ state }) => state === 'closed' && race.stop());
  if (onTransport) room.on('transport', onTransport);
  await room.join();
  return room;
}

/** Creates a room and enters it as its host. Rejects like {@link joinRoom}. */
export async function createRoom(options: CreateOptions): Promise<Room> {
  const { name, pin, title, media } = options;
  const created = (await request(options, '/v1/rooms', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, ...(pin && { pin }), ...(title && { title }), ...(media && { media }) }),
  })) as { readonly id: string; readonly seat: string };
  return joinRoom({ ...options, room: created.id, seat: created.seat });
}

/** Looks up a room without entering it. Rejects with `room_not_found` when there is none. */
export async function lookUpRoom(id: string, options: ServerOptions = {}): Promise<RoomInfo> {
  return (await request(options, `/v1/rooms/${encodeURIComponent(id)}`)) as RoomInfo;
}

function environmentOf(options: ServerOptions): Environment {
  return { ...platform, ...options.environment };
}

function serverOf(options: ServerOptions): string {
  const server = options.server ?? (globalThis.location as Location | undefined)?.origin;
  if (server && /^https?:/.test(server)) return server;
  throw new TandemError('invalid', 'name the gateway: {server: "https://…"}');
}

async function request(options: ServerOptions, path: string, init?: RequestInit): Promise<unknown> {
  const url = new URL(path, serverOf(options)).href;
  let response: Response;
  try {
    response = await environmentOf(options).fetch(url, init);
  } catch {
    throw new TandemError('unavailable', `no connection to ${new URL(url).host}`);
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body;
  const { code, message } = (body as { error?: { code: ErrorCode; message: string } } | undefined)?.error ?? {};
  throw new TandemError(code ?? 'internal', message ?? `the gateway answered ${response.status}`);
}
