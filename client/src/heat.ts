import type { Environment, Timer } from './environment.js';
import { TandemError } from './errors.js';
import type { Paths } from './paths.js';
import { CloseCode, type Endpoint } from './protocol/index.js';
import type { Connection, Transport, TransportEvents } from './transport.js';
import { openWebSocket } from './websocket.js';
import { openWebTransport } from './webtransport.js';

/** An endpoint has so long for itself before the next is tried beside it, in milliseconds. */
const HEAD_START_MS = 250;
/** A WebTransport that lost to a WebSocket and is not there so long after its start was dropped on the way. */
const VERDICT_MS = 3_000;
/**
 * When all else has failed, such as while a gateway restarts, a WebTransport is waited for so long from its start, in
 * milliseconds: browsers notice late that nobody is there.
 */
const ALONE_MS = 1_500;
const OPEN = { websocket: openWebSocket, webtransport: openWebTransport } as const;

/** What to try. */
export interface Plan {
  /** Best first. */
  readonly endpoints: readonly Endpoint[];
  /** Why there is no WebTransport among them, for people. */
  readonly without?: string;
}

/** One endpoint's attempt. */
interface Lane {
  readonly endpoint: Endpoint;
  readonly startedAt: number;
  readonly abort: AbortController;
  verdict?: Timer;
  /** It ended before it had won. */
  ended?: string;
}

/**
 * One round of attempts: each endpoint is tried when those before it have failed or had their head start, and the
 * first to be usable wins. The others are closed; of a WebTransport that lost it is found out whether UDP was dropped.
 */
export class Heat {
  readonly #plan: Plan;
  readonly #paths: Paths;
  readonly #events: TransportEvents;
  readonly #environment: Environment;
  readonly #running = new Set<Lane>();
  readonly #failures: string[] = [];
  #webTransportFailed: string | undefined;
  #started = 0;
  #waiting: Timer;
  #winner: Lane | undefined;
  #over = false;
  #settle!: { resolve(connection: Connection): void; reject(error: TandemError): void };

  constructor(plan: Plan, paths: Paths, events: TransportEvents, environment: Environment) {
    this.#plan = plan;
    this.#paths = paths;
    this.#events = events;
    this.#environment = environment;
  }

  /** Runs it, once. @param signal is aborted at the latest when the connection is over. */
  run(signal: AbortSignal): Promise<Connection> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      signal.addEventListener('abort', () => {
        this.#finish();
        for (const lane of this.#running) this.#drop(lane);
        reject(new TandemError('aborted', 'the attempt was given up'));
      });
      this.#next();
    });
  }

  #next(): void {
    this.#environment.clearTimeout(this.#waiting);
    if (this.#over) return;
    const endpoint = this.#plan.endpoints[this.#started];
    if (!endpoint) return this.#noMore();
    this.#started++;
    const lane: Lane = { endpoint, startedAt: this.#environment.now(), abort: new AbortController() };
    this.#running.add(lane);
    if (this.#started < this.#plan.endpoints.length) {
      this.#waiting = this.#environment.setTimeout(() => this.#next(), HEAD_START_MS);
    }
    OPEN[endpoint.transport](endpoint, this.#eventsOf(lane), this.#environment, lane.abort.signal).then(
      (transport) => this.#opened(lane, transport),
      (error: unknown) => this.#failed(lane, error instanceof Error ? error.message : 'no connection'),
    );
  }

  #noMore(): void {
    const running = [...this.#running];
    if (running.length === 0) return this.#fail();
    if (this.#failures.length === 0 || running.some((lane) => lane.endpoint.transport === 'websocket')) return;
    const since = Math.max(...running.map((lane) => lane.startedAt));
    this.#waiting = this.#environment.setTimeout(() => this.#fail(), since + ALONE_MS - this.#environment.now());
  }

  #eventsOf(lane: Lane): TransportEvents {
    return {
      message: (message, at) => this.#winner === lane && this.#events.message(message, at),
      garbage: (error) => this.#winner === lane && this.#events.garbage(error),
      closed: (code, reason) => {
        if (this.#winner === lane) this.#events.closed(code, reason);
        else lane.ended = reason || 'it was closed';
      },
    };
  }

  #opened(lane: Lane, transport: Transport): void {
    if (lane.ended !== undefined) return this.#failed(lane, lane.ended);
    this.#forget(lane);
    if (this.#over) return transport.close(CloseCode.normal, 'another was first');
    this.#winner = lane;
    this.#finish();
    this.#settle.resolve(transport.kind === 'webtransport' ? this.#byWebTransport(transport) : this.#byWebSocket(transport));
    for (const loser of this.#running) {
      const judged = loser.endpoint.transport === 'webtransport' && transport.kind === 'websocket';
      if (!judged) this.#drop(loser);
      else loser.verdict = this.#environment.setTimeout(() => this.#condemn(loser), this.#left(loser));
    }
  }

  #byWebTransport(transport: Transport): Connection {
    const wonAt = this.#environment.now();
    const before = this.#paths.works();
    const fellSilent = (): void => this.#paths.fellSilent(this.#environment.now() - wonAt, before);
    return { transport, why: 'WebTransport', fellSilent };
  }

  #byWebSocket(transport: Transport): Connection {
    const overdue = [...this.#running].some(
      ({ endpoint, startedAt }) =>
        endpoint.transport === 'webtransport' && this.#environment.now() - startedAt >= HEAD_START_MS,
    );
    const late = overdue ? 'UDP did not get through' : 'it answered first';
    return { transport, why: `WebSocket: ${this.#plan.without ?? this.#webTransportFailed ?? late}` };
  }

  #left(loser: Lane): number {
    return loser.startedAt + VERDICT_MS - this.#environment.now();
  }

  #condemn(loser: Lane): void {
    this.#drop(loser);
    this.#paths.dropped();
  }

  #failed(lane: Lane, why: string): void {
    this.#forget(lane);
    if (this.#over) return;
    this.#failures.push(why);
    if (lane.endpoint.transport === 'webtransport') this.#webTransportFailed ??= `WebTransport failed: ${why}`;
    this.#next();
  }

  #fail(): void {
    this.#finish();
    for (const lane of this.#running) this.#drop(lane);
    const why = this.#failures.length > 0 ? this.#failures.join('; ') : (this.#plan.without ?? 'no address is known');
    this.#settle.reject(new TandemError('unavailable', why));
  }

  /** Nothing new is begun. */
  #finish(): void {
    this.#over = true;
    this.#environment.clearTimeout(this.#waiting);
  }

  #drop(lane: Lane): void {
    this.#forget(lane);
    lane.abort.abort();
  }

  #forget(lane: Lane): void {
    this.#running.delete(lane);
    this.#environment.clearTimeout(lane.verdict);
  }
}
