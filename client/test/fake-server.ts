import type { WebSocketLike } from '../src/environment.js';
import type { ClientMessage, RoomSnapshot, ServerMessage, Welcome } from '../src/protocol/index.js';
import type { FakeTime } from './fake-time.js';

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

/** One WebSocket of the client under test, seen from the gateway's side. */
export class FakeSocket implements WebSocketLike {
  onopen: WebSocketLike['onopen'] = null;
  onmessage: WebSocketLike['onmessage'] = null;
  onclose: WebSocketLike['onclose'] = null;
  /** What the client sent, and has not been taken by `take`. */
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
    const taken = this.inbox.filter((m): m is Extract<ClientMessage, { type: T }> => m.type === type);
    for (const m of taken) this.inbox.splice(this.inbox.indexOf(m), 1);
    return taken;
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
  delayMs = 10;
  probes = 0;
  /** Whether connections come about. */
  reachable = true;
  onMessage: ((socket: FakeSocket, message: ClientMessage) => void) | undefined;

  constructor(readonly time: FakeTime) {}

  clusterNow(): number {
    return CLUSTER_OFFSET + Math.round(this.time.now() * 1000);
  }

  connect = (url: string): FakeSocket => {
    const socket = new FakeSocket(url, this);
    this.sockets.push(socket);
    this.time.schedule(() => (this.reachable ? socket.open() : socket.end()), this.delayMs);
    return socket;
  };

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
