import { Backoff } from './backoff.js';
import type { Environment, Timer } from './environment.js';
import type { TandemError } from './errors.js';
import { afterClose, CloseCode, type ClientMessage, type Endpoint, type ServerMessage } from './protocol/index.js';
import type { Connect, Connection } from './transport.js';

/** From the start of an attempt to its welcome, in milliseconds. */
const ATTEMPT_MS = 5_000;
/** A connection that held so long was a good one: the next back-off starts small again. */
const HELD_MS = 5_000;

/** What a line tells its session. */
export interface LineEvents {
  /** A connection is open: say hello. */
  opened(): void;
  /** @param receivedAt by the environment's monotonic clock in milliseconds. */
  message(message: ServerMessage, receivedAt: number): void;
  garbage(error: TandemError): void;
  /** The connection, or an attempt at one, is over. The next comes by itself. @param seatGone come without the seat. */
  down(code: number, reason: string, seatGone: boolean): void;
  /** The gateway wants no next one. */
  ended(code: number, reason: string): void;
}

/** One attempt, and the connection that came of it. */
interface Attempt {
  readonly abort: AbortController;
  readonly deadline: Timer;
  connection?: Connection;
  /** When welcome came, in milliseconds of the environment's clock. */
  welcomedAt?: number;
}

/** A line to the gateways: one connection at a time, and when that is lost another, with back-off. */
export class Line {
  readonly #environment: Environment;
  readonly #connect: Connect;
  readonly #events: LineEvents;
  readonly #backoff: Backoff;
  readonly #stopOnline: () => void;
  #endpoints: readonly Endpoint[];
  #attempt: Attempt | undefined;
  #retry: Timer;

  constructor(environment: Environment, connect: Connect, endpoints: readonly Endpoint[], events: LineEvents) {
    this.#environment = environment;
    this.#connect = connect;
    this.#endpoints = endpoints;
    this.#events = events;
    this.#backoff = new Backoff(() => environment.random());
    this.#stopOnline = environment.onOnline(() => this.#retryNow());
  }

  /** The connection, once it is open. */
  get connection(): Connection | undefined {
    return this.#attempt?.connection;
  }

  /** Welcome has come over the present connection. */
  get welcomed(): boolean {
    return this.#attempt?.welcomedAt !== undefined;
  }

  /** Connects. */
  open(): void {
    this.#retry = undefined;
    const attempt: Attempt = {
      abort: new AbortController(),
      deadline: this.#environment.setTimeout(() => this.lost(CloseCode.abnormal, 'no answer'), ATTEMPT_MS),
    };
    this.#attempt = attempt;
    // What an attempt that was given up still tells concerns nobody.
    const current =
      <A extends unknown[]>(run: (...args: A) => void) =>
      (...args: A): void => {
        if (this.#attempt === attempt) run(...args);
      };
    const events = {
      message: current((message: ServerMessage, at: number) => this.#events.message(message, at)),
      garbage: current((error: TandemError) => this.#events.garbage(error)),
      closed: current((code: number, reason: string) => this.lost(code, reason)),
    };
    this.#connect(this.#endpoints, events, this.#environment, attempt.abort.signal).then(
      (connection) => {
        if (this.#attempt !== attempt) return connection.transport.close(CloseCode.normal, 'too late');
        attempt.connection = connection;
        this.#events.opened();
      },
      current((error: unknown) => {
        this.lost(CloseCode.abnormal, error instanceof Error ? error.message : 'no connection');
      }),
    );
  }

  /** Sends over the present connection; without one, nothing. Throws `too_large`. */
  send(message: ClientMessage): void {
    this.#attempt?.connection?.transport.send(message);
  }

  /** The gateway has let us in. */
  confirm(): void {
    const attempt = this.#attempt;
    if (!attempt) return;
    this.#environment.clearTimeout(attempt.deadline);
    attempt.welcomedAt = this.#environment.now();
  }

  /** Where to connect from now on. */
  redirect(endpoints: readonly Endpoint[] | undefined): void {
    if (endpoints?.length) this.#endpoints = endpoints;
  }

  /** Gives up the present connection, and connects again unless the code says to stay away. */
  lost(code: number, reason: string, atLeastMs = 0): void {
    const since = this.#attempt?.welcomedAt;
    if (since !== undefined && this.#environment.now() - since >= HELD_MS) this.#backoff.reset();
    this.#drop(code, reason);
    const next = afterClose(code);
    if (next === 'stop') return this.#events.ended(code, reason);
    this.#retry = this.#environment.setTimeout(() => this.open(), atLeastMs + this.#backoff.next());
    this.#events.down(code, reason, next === 'rejoin');
  }

  /** Ends for good. */
  end(code: number, reason: string): void {
    this.#environment.clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#stopOnline();
    this.#drop(code, reason);
  }

  #drop(code: number, reason: string): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    if (!attempt) return;
    this.#environment.clearTimeout(attempt.deadline);
    attempt.abort.abort();
    // Browsers let a page close with 1000 and with application codes only.
    attempt.connection?.transport.close(code >= 3000 ? code : CloseCode.normal, reason);
  }

  #retryNow(): void {
    if (this.#retry === undefined) return;
    this.#environment.clearTimeout(this.#retry);
    this.open();
  }
}
