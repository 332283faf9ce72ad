import type { ClusterClock } from './clock.js';
import { CommandQueue } from './commands.js';
import { LogCursor } from './cursor.js';
import type { Environment } from './environment.js';
import { TandemError } from './errors.js';
import { Line } from './line.js';
import { Prober } from './prober.js';
import {
  CloseCode,
  VERSION,
  type CommandBody,
  type Endpoint,
  type Ephemeral,
  type Received,
  type Refusal,
  type Welcome,
} from './protocol/index.js';
import type { Connect, TransportKind } from './transport.js';

/** How often a command whose outcome the gateway does not know is asked for again, and how long after. */
const MOST_DOUBTS = 3;
const DOUBT_MS = 500;
/** How many messages of class bulk may come before welcome: on another stream they may. */
const MOST_EARLY = 100;

/** How the session stands. */
export interface ConnectionInfo {
  readonly state: 'connecting' | 'connected' | 'reconnecting' | 'closed';
  /** The transport in use, or last used. */
  readonly transport?: TransportKind;
  readonly url?: string;
  /** The transport, and why it is this one, for people: such as `WebSocket: UDP did not get through`. */
  readonly why?: string;
  /** How the last connection ended: a code of the protocol and a word for it. */
  readonly closeCode?: number;
  readonly reason?: string;
  /** Why a closed session was not let in again. */
  readonly error?: TandemError;
}

export interface SessionOptions {
  readonly room: string;
  readonly name: string;
  readonly pin?: string | undefined;
  /** A seat to come back to. */
  readonly seat?: string | undefined;
  readonly endpoints: readonly Endpoint[];
  /** How long to keep trying to get in at first, in milliseconds. */
  readonly joinTimeoutMs: number;
  readonly connect: Connect;
  readonly environment: Environment;
  readonly clock: ClusterClock;
}

/** What a session tells its room. */
export interface SessionEvents {
  /** A message for the room's state: admitted in order, nothing twice. Welcome comes with each connection. */
  message(message: Received): void;
  connection(info: ConnectionInfo): void;
  /** Something was refused or unreadable that no caller waits for. */
  error(error: TandemError): void;
}

/**
 * A seat in a room, kept through changing connections: it resumes where it was, submits unanswered commands again, and
 * hands on what the gateway says in order, without holes or repetitions.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #events: SessionEvents;
  readonly #environment: Environment;
  readonly #clock: ClusterClock;
  readonly #line: Line;
  readonly #commands = new CommandQueue();
  readonly #cursor = new LogCursor();
  #info: ConnectionInfo = { state: 'connecting' };
  #seat: string | undefined;
  #joined = false;
  #playing = false;
  /** Bulk that came before welcome. */
  #early: Received[] = [];
  #prober: Prober | undefined;
  /** When the last hello was sent, by the local clock in microseconds, and whether it named a seat. */
  #hello = { at: 0, resumes: false };
  #settleJoin: { resolve(): void; reject(error: TandemError): void } | undefined;

  constructor(options: SessionOptions, events: SessionEvents) {
    this.#options = options;
    this.#events = events;
    this.#environment = options.environment;
    this.#clock = options.clock;
    this.#seat = options.seat;
    this.#line = new Line(options.environment, options.connect, options.endpoints, {
      opened: () => this.#sayHello(),
      message: (message, receivedAt) => this.#receive(message, receivedAt),
      garbage: (error) => events.error(error),
      down: (code, reason, seatGone) => this.#down(code, reason, seatGone),
      ended: (code, reason) => this.#finish(code, reason, new TandemError('closed', `the gateway closed: ${reason}`)),
    });
  }

  get info(): ConnectionInfo {
    return this.#info;
  }

  /** The seat token: keep it secret, and this member can come back by it. */
  get seat(): string | undefined {
    return this.#seat;
  }

  /** Connects. Resolves when the room let us in; rejects when it does not, or not in time, or when `signal` is aborted. */
  join(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = (): void => {
        const last = this.#info.reason ? ` (${this.#info.reason})` : '';
        this.#finish(CloseCode.abnormal, 'timeout', new TandemError('timeout', `the room could not be reached${last}`));
      };
      const timer = this.#environment.setTimeout(late, this.#options.joinTimeoutMs);
      const aborted = (): void => {
        this.#finish(CloseCode.normal, 'left', new TandemError('aborted', 'the caller gave up'));
      };
      const settle = (): void => {
        this.#environment.clearTimeout(timer);
        signal?.removeEventListener('abort', aborted);
        this.#settleJoin = undefined;
      };
      this.#settleJoin = {
        resolve: () => (settle(), resolve()),
        reject: (error) => (settle(), reject(error)),
      };
      if (signal?.aborted) return aborted();
      signal?.addEventListener('abort', aborted);
      this.#line.open();
    });
  }

  /** Submits a command. Resolves with the number of its last event when it is done and the room's state shows it. */
  async submit(body: CommandBody): Promise<number> {
    if (this.#info.state === 'closed') throw new TandemError('closed', 'the room is closed');
    const { id, done } = this.#commands.submit(body);
    this.#sendCommand(id);
    return done;
  }

  /** Sends something that is not kept. False when there is no connection: then it is dropped. */
  send(message: Ephemeral): boolean {
    if (!this.#line.welcomed) return false;
    this.#line.send(message);
    return true;
  }

  /** Tells how the room does, for the pace of the probes. */
  setPlaying(playing: boolean): void {
    this.#playing = playing;
    this.#prober?.setPlaying(playing);
  }

  /** Ends the session here; the seat expires by itself unless it was left. */
  close(): void {
    this.#finish(CloseCode.normal, 'left', new TandemError('closed', 'the room was closed'));
  }

  // Coming and going.

  #sayHello(): void {
    const { room, name, pin } = this.#options;
    const { epoch, number } = this.#cursor;
    const seat = this.#seat;
    this.#hello = { at: this.#clock.local(), resumes: seat !== undefined };
    this.#line.send({
      type: 'hello',
      version: VERSION,
      room,
      name,
      ...(pin && { pin }),
      ...(seat !== undefined && { resume: { seat, epoch, number } }),
    });
  }

  #welcome(welcome: Welcome, receivedAt: number): void {
    this.#line.confirm(welcome.endpoints);
    this.#joined = true;
    this.#seat = welcome.seat;
    this.#commands.continueAfter(welcome.lastCommand ?? 0);
    if (welcome.room) {
      this.#cursor.reset();
      this.#cursor.jump(welcome.epoch, welcome.number);
    }
    const { time } = welcome.clock;
    this.#clock.restart();
    this.#clock.add({ t1: this.#hello.at, t2: time, t3: time, t4: Math.round(receivedAt * 1000) });

    this.#events.message(welcome);
    for (const message of this.#early.splice(0)) this.#events.message(message);
    const { connection } = this.#line;
    // A listener may have closed the room.
    if (!connection) return;
    this.#commands.reached(this.#cursor.number);
    for (const id of this.#commands.unanswered()) this.#sendCommand(id);
    const target = {
      probe: () => this.#line.send({ type: 'probe', t1: this.#clock.local() }),
      silent: () => this.#line.silent('silent'),
      rttMs: () => this.#clock.rttMs,
    };
    this.#prober = new Prober(this.#environment, target, welcome.probeMs, this.#playing);
    const { transport, why } = connection;
    this.#report({ state: 'connected', transport: transport.kind, url: transport.url, why });
    this.#settleJoin?.resolve();
  }

  #down(closeCode: number, reason: string, seatGone: boolean): void {
    this.#stopProbing();
    if (seatGone) this.#forgetSeat();
    this.#report({ ...this.#transport(), state: this.#joined ? 'reconnecting' : 'connecting', closeCode, reason });
  }

  #finish(closeCode: number, reason: string, error: TandemError): void {
    if (this.#info.state === 'closed') return;
    this.#stopProbing();
    this.#line.end(closeCode, reason);
    this.#report({ ...this.#transport(), state: 'closed', closeCode, reason, error });
    this.#commands.close(error);
    this.#settleJoin?.reject(error);
  }

  #stopProbing(): void {
    this.#prober?.stop();
    this.#prober = undefined;
    this.#early = [];
  }

  #forgetSeat(): void {
    this.#seat = undefined;
    this.#cursor.reset();
    this.#commands.changeSeat();
  }

  #transport(): Pick<ConnectionInfo, 'transport' | 'url' | 'why'> {
    const { transport, url, why } = this.#info;
    return { ...(transport && { transport }), ...(url && { url }), ...(why && { why }) };
  }

  #report(info: ConnectionInfo): void {
    this.#info = info;
    this.#events.connection(info);
  }

  // Receiving.

  #receive(message: Received, receivedAt: number): void {
    this.#prober?.heard();
    switch (message.type) {
      case 'welcome':
        return this.#welcome(message, receivedAt);
      case 'clock':
        return this.#clock.add({ ...message, t4: Math.round(receivedAt * 1000) });
      case 'events': {
        const admission = this.#cursor.admit(message);
        if (admission.kind === 'hole') return this.#line.lost(CloseCode.abnormal, 'events are missing');
        if (admission.kind === 'seen') return;
        this.#events.message(admission.events);
        return this.#commands.reached(this.#cursor.number);
      }
      case 'snapshot':
        if (!this.#cursor.jump(message.epoch, message.number)) return;
        this.#events.message(message);
        return this.#commands.reached(this.#cursor.number);
      case 'ack':
        return this.#commands.acknowledged(message.id, message.number, this.#cursor.number);
      case 'error':
        return this.#refused(message);
      case 'bye':
        return this.#line.dismissed(message);
      case 'timeline':
        // The log has it already, or is in another epoch. Before welcome nobody can tell.
        if (!this.#line.welcomed || message.epoch !== this.#cursor.epoch) return;
        if (message.timeline.number > this.#cursor.number) this.#events.message(message);
        return;
      case 'members':
      case 'history':
        if (this.#line.welcomed) return this.#events.message(message);
        if (this.#early.length < MOST_EARLY) this.#early.push(message);
        return;
      default:
        return this.#events.message(message);
    }
  }

  #refused(refusal: Refusal): void {
    const error = TandemError.of(refusal);
    if (!this.#line.welcomed) return this.#helloRefused(error);
    if (refusal.id === undefined) return this.#events.error(error);
    const { id } = refusal;
    // The gateway may have done it: only asking again tells.
    if (refusal.code === 'unknown' && this.#commands.doubted(id) <= MOST_DOUBTS) {
      this.#environment.setTimeout(() => this.#sendCommand(id), refusal.retryAfterMs ?? DOUBT_MS);
    } else {
      this.#commands.refused(id, error);
    }
  }

  #helloRefused(error: TandemError): void {
    switch (error.code) {
      case 'seat_unknown':
        if (!this.#hello.resumes) break;
        // Too late: the seat has expired. Whoever had it comes in anew.
        this.#forgetSeat();
        return this.#sayHello();
      case 'unavailable':
      case 'unknown':
      case 'internal':
      case 'rate_limited':
        return this.#line.lost(CloseCode.unavailable, error.code, error.retryAfterMs);
    }
    this.#finish(CloseCode.normal, error.code, error);
  }

  /** Sends a command that still waits for an answer, if there is a connection; otherwise the next welcome does. */
  #sendCommand(id: number): void {
    if (!this.#line.welcomed) return;
    const command = this.#commands.toSend(id);
    try {
      if (command) this.#line.send(command);
    } catch (error) {
      if (!(error instanceof TandemError)) throw error;
      this.#commands.refused(id, error);
    }
  }
}
