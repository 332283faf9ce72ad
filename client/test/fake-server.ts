import type { Environment, WebSocketLike } from '../src/environment.js';
import type { ClientMessage, RoomSnapshot, ServerMessage, Welcome } from '../src/protocol/index.js';
import type { FakeTime } from './fake-time.js';
import { FakeSession } from './fake-webtransport.js';

/** Cluster time minus the monotonic time of the tests, in microseconds. */
export const CLUSTER_OFFSET = 1_767_225_600_000_000;

export const emptySnapshot: RoomSnapshot = {
  id: '7Q2K9XHF3BTW',
  host: 'm_ann',
  settings: { guestControl: true, locked: false, pin: false },
  media: { kind: 'clip' },
  timeline: { position: 0, rate: 1, playing: false, at: CLUSTER_OFFSET, number: 1 },
  members: [{ id: 'm_ann', name: 'Ann', role: 'host', joinedAt: CLUSTER_OFFSET }],
  memberCount: 1,
};

/** A connection of the client under test, seen from the gateway's side. */
export interface Peer {
  readonly url: string;
  /** What the client sent, and has not been taken by `take`. */
  readonly inbox: ClientMessage[];
  answersProbes: boolean;
  tell(...messages: ServerMessage[]): void;
}

/** Takes the messages of one type out of an inbox. */
export function take<T extends ClientMessage['type']>(inbox: ClientMessage[], type: T): Extract<ClientMessage, { type: T }>[] {
  const taken = inbox.filter((m): m is Extract<ClientMessage, { type: T }> => m.type === type);
  for (const m of taken) inbox.splice(inbox.indexOf(m), 1);
  return taken;
}

/** One WebSocket of the client under test. */
export class FakeSocket implements WebSocketLike, Peer {
  onopen: WebSocketLike['onopen'] = null;
  onmessage: WebSocketLike['onmessage'] = null;
  onclose: WebSocketLike['onclose'] = null;
  readonly inbox: ClientMessage[] = [];
  /** How the client closed. */
  closed: { code: number | undefined; reason: string | undefined } | undefined;
  answersProbes = true;

  constructor(
    readonly url: string,
    private readonly server: FakeServer,
  ) {}

  send(data: string): void {
    const message = JSON.parse(data) as ClientMessage;
    this.server.time.schedule(() => this.#receive(message), this.server.delayMs);
  }

  close(code?: number, reason?: string): void {
    this.closed ??= { code, reason };
  }

  // The gateway's side.

  open(): void {
    this.onopen?.call(this as never, {} as Event);
  }

  /** Sends to the client, after the delay of the network. */
  tell(...messages: ServerMessage[]): void {
    for (const message of messages) {
      const data = JSON.stringify(message);
      this.server.time.schedule(() => this.onmessage?.call(this as never, { data } as MessageEvent), this.server.delayMs);
    }
  }

  /** The connection ends, by the gateway or by the network. */
  end(code = 1006, reason = ''): void {
    this.onclose?.call(this as never, { code, reason } as CloseEvent);
  }

  /** Takes the messages of one type out of the inbox. */
  take<T extends ClientMessage['type']>(type: T): Extract<ClientMessage, { type: T }>[] {
    return take(this.inbox, type);
  }

  #receive(message: ClientMessage): void {
    if (message.type !== 'probe') {
      this.inbox.push(message);
      return this.server.onMessage?.(this, message);
    }
    this.server.probes++;
    const at = this.server.clusterNow();
    if (this.answersProbes) this.tell({ type: 'clock', t1: message.t1, t2: at, t3: at });
  }
}

/** A gateway in virtual time whose answers a test writes. */
export class FakeServer {
  readonly sockets: FakeSocket[] = [];
  readonly sessions: FakeSession[] = [];
  delayMs = 10;
  probes = 0;
  /** Whether WebSockets come about: refused otherwise, or never answered. */
  reachable: boolean | 'silent' = true;
  /** What becomes of UDP. */
  udp: 'open' | 'dropped' | 'refused' = 'open';
  /** How long a WebTransport session takes to be ready, in milliseconds. */
  readyMs = 20;
  /** What `GET /v1/endpoints` answers; undefined: nothing, and `null`: an error. */
  directory: { endpoints: unknown; webTransportOff?: string } | null | undefined;
  /** How often it was asked. */
  asked = 0;
  onMessage: ((peer: Peer, message: ClientMessage) => void) | undefined;

  constructor(readonly time: FakeTime) {}

  clusterNow(): number {
    return CLUSTER_OFFSET + Math.round(this.time.now() * 1000);
  }

  connect = (url: string): FakeSocket => {
    const socket = new FakeSocket(url, this);
    this.sockets.push(socket);
    this.time.schedule(() => {
      if (this.reachable === true) socket.open();
      else if (!this.reachable) socket.end();
    }, this.delayMs);
    return socket;
  };

  connectWebTransport = (url: string, options: WebTransportOptions): FakeSession => {
    const session = new FakeSession(url, options, this);
    this.sessions.push(session);
    if (this.udp === 'refused') this.time.schedule(() => session.fail('Opening handshake failed.'), this.delayMs);
    if (this.udp !== 'dropped') this.time.schedule(() => session.accept(), this.readyMs);
    return session;
  };

  fetch = (): Promise<Response> => {
    this.asked++;
    return new Promise((resolve, reject) => {
      if (this.directory === undefined) return;
      const answer = { ok: true, json: () => Promise.resolve(this.directory) } as Response;
      this.time.schedule(() => (this.directory ? resolve(answer) : reject(new Error('refused'))), this.delayMs);
    });
  };

  /** The surroundings of a browser with WebTransport, on the way to this gateway. */
  environment(overrides: Partial<Environment> = {}): Environment {
    return this.time.environment({
      openWebSocket: this.connect,
      openWebTransport: this.connectWebTransport,
      lacksWebTransport: () => undefined,
      fetch: this.fetch,
      ...overrides,
    });
  }

  get lastSession(): FakeSession {
    const session = this.sessions.at(-1);
    if (!session) throw new Error('nobody has connected');
    return session;
  }

  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error('nobody has connected');
    return socket;
  }

  welcome(change: Partial<Welcome> = {}): Welcome {
    return {
      type: 'welcome',
      member: 'm_ann',
      seat: 'seat-ann',
      epoch: 1,
      number: 1,
      room: emptySnapshot,
      clock: { time: this.clusterNow() },
      probeMs: { playing: 2_000, idle: 15_000 },
      ...change,
    };
  }

  /** Welcomes everybody: with a snapshot, or at a resume that names events with what the test gives. */
  welcomeAll(resumed: Partial<Welcome> = { room: undefined as never }): void {
    this.onMessage = (socket, message) => {
      if (message.type !== 'hello') return;
      socket.tell(this.welcome(message.resume && message.resume.number > 0 ? resumed : {}));
    };
  }
}
