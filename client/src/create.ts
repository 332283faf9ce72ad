import { platform, type Environment } from './environment.js';
import { TandemError } from './errors.js';
import type { ErrorCode, Media } from './protocol/index.js';
import { Race } from './race.js';
import { Room, type TransportInfo } from './room.js';
import type { TransportKind } from './transport.js';

const JOIN_TIMEOUT_MS = 15_000;

/** The gateway that this script came from, if one served it. */
const servedFrom = /^(https?:\/\/[^/]+)\/sdk\/v1\/tandem\.js$/.exec(import.meta.url ?? '')?.[1];

/** What creating and joining share. */
export interface ServerOptions {
  /**
   * The gateway's address, such as `https://tandem.example`. Without it, the gateway that served the SDK, or, where
   * none did, the page.
   */
  readonly server?: string;
  /** How long to keep trying to get in, in milliseconds; 15 s without it. Once in, reconnecting never gives up. */
  readonly joinTimeoutMs?: number;
  /** Gives up getting in when it is aborted, and rejects with `aborted`. Once in, it has no effect: use `leave`. */
  readonly signal?: AbortSignal | undefined;
  /** Which transports to use; without it all that there are, WebTransport first. To force one, for tests. */
  readonly transports?: readonly TransportKind[];
  /** Is told which transport carries the messages, and why, from the first one on: see {@link RoomEvents.transport}. */
  readonly onTransport?: (info: TransportInfo) => void;
  /** What to use in place of the platform's own, such as a WebSocket for a Node.js that has none. */
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
  const { room: id, name, pin, seat, signal, onTransport } = options;
  const environment = environmentOf(options);
  const race = new Race({ gateway: serverOf(options), transports: options.transports, environment });
  const room = new Room({
    room: id,
    name,
    pin,
    seat,
    endpoints: race.home,
    joinTimeoutMs: options.joinTimeoutMs ?? JOIN_TIMEOUT_MS,
    connect: race.connect,
    environment,
  });
  room.on('connection', ({ state }) => state === 'closed' && race.stop());
  if (onTransport) room.on('transport', onTransport);
  await room.join(signal);
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
  const server = options.server ?? servedFrom ?? (globalThis.location as Location | undefined)?.origin;
  if (server && /^https?:/.test(server)) return server;
  throw new TandemError('invalid', 'name the gateway: {server: "https://…"}');
}

/** Browsers do not tell a page whether an answer is missing or kept from it. */
function forbiddenPerhaps(url: string): string {
  const { origin, protocol } = (globalThis.location ?? {}) as Partial<Location>;
  if (origin === undefined || origin === new URL(url).origin) return '';
  if (protocol === 'https:' && url.startsWith('http:')) return ': a page over https needs a gateway over https';
  return `, or it does not allow ${origin}: its operator can add that to allowed-origins`;
}

async function request(options: ServerOptions, path: string, init?: RequestInit): Promise<unknown> {
  const url = new URL(path, serverOf(options)).href;
  let response: Response;
  try {
    response = await environmentOf(options).fetch(url, { ...init, ...(options.signal && { signal: options.signal }) });
  } catch {
    if (options.signal?.aborted) throw new TandemError('aborted', 'the caller gave up');
    throw new TandemError('unavailable', `no connection to ${new URL(url).host}${forbiddenPerhaps(url)}`);
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body;
  const { code, message } = (body as { error?: { code: ErrorCode; message: string } } | undefined)?.error ?? {};
  throw new TandemError(code ?? 'internal', message ?? `the gateway answered ${response.status}`);
}
