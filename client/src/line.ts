import { Backoff } from './backoff.js';
import type { Environment, Timer } from './environment.js';
import type { TandemError } from './errors.js';
import { afterClose, CloseCode, type Bye, type ClientMessage, type Endpoint, type Received } from './protocol/index.js';
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
  message(message: Received, receivedAt: number): void;
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
  readonly #home: readonly Endpoint[];
  /** Where else the room can be reached, as the last welcome said. */
  #elsewhere: readonly Endpoint[] = [];
  /** Where to go next, as bye said. */
  #instead: readonly Endpoint[] = [];
  #attempt: Attempt | undefined;
  #retry: Timer;

  constructor(environment: Environment, connect: Connect, home: readonly Endpoint[], events: LineEvents) {
    this.#environment = environment;
    this.#connect = connect;
    this.#home = home;
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
      deadline: this.#environment.setTimeout(() => this.silent('no answer'), ATTEMPT_MS),
    };
    this.#attempt = attempt;
    // What an attempt that was given up still tells concerns nobody.
    const current =
      <A extends unknown[]>(run: (...args: A) => void) =>
      (...args: A): void => {
        if (this.#attempt === attempt) run(...args);
      };
    const events = {
      message: current((message: Received, at: number) => this.#events.message(message, at)),
      garbage: current((error: TandemError) => this.#events.garbage(error)),
      closed: current((code: number, reason: string) => this.lost(code, reason)),
    };
    const endpoints = [...this.#instead, ...this.#home, ...this.#elsewhere];
    this.#connect(endpoints, events, this.#environment, attempt.abort.signal).then(
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

  /** The gateway has let us in. @param elsewhere where else the room can be reached. */
  confirm(elsewhere: readonly Endpoint[] | undefined): void {
    const attempt = this.#attempt;
    if (!attempt) return;
    this.#environment.clearTimeout(attempt.deadline);
    attempt.welcomedAt = this.#environment.now();
    this.#instead = [];
    if (elsewhere?.length) this.#elsewhere = elsewhere;
  }

  /** The gateway sends us away. @param instead where to go first. */
  dismissed({ code, reason, afterMs, endpoints }: Bye): void {
    this.#instead = endpoints ?? [];
    this.lost(code, reason, afterMs);
  }

  /**
   * The present connection carries nothing any more. After one that had held there is no delay: that one of many
   * falls silent draws no crowd, and every moment counts.
   */
  silent(reason: string): void {
    this.#attempt?.connection?.fellSilent?.();
    const prompt = this.#held();
    this.#over(CloseCode.silent, reason, () => (prompt ? 0 : this.#backoff.next()));
  }

  /** Gives up the present connection, and connects again unless the code says to stay away. */
  lost(code: number, reason: string, atLeastMs = 0): void {
    this.#over(code, reason, () => atLeastMs + this.#backoff.next());
  }

  /** Ends for good. */
  end(code: number, reason: string): void {
    this.#environment.clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#stopOnline();
    this.#drop(code, reason);
  }

  #held(): boolean {
    const since = this.#attempt?.welcomedAt;
    return since !== undefined && this.#environment.now() - since >= HELD_MS;
  }

  #over(code: number, reason: string, delayMs: () => number): void {
    if (this.#held()) this.#backoff.reset();
    this.#drop(code, reason);
    const next = afterClose(code);
    if (next === 'stop') return this.#events.ended(code, reason);
    this.#retry = this.#environment.setTimeout(() => this.open(), delayMs());
    this.#events.down(code, reason, next === 'rejoin');
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
