import type { Environment, Timer } from './environment.js';
import { TandemError } from './errors.js';
import type { Ephemeral, History } from './protocol/index.js';

const PATIENCE_MS = 10_000;

interface Pending {
  readonly promise: Promise<History>;
  resolve(history: History): void;
  reject(error: TandemError): void;
}

/** Requests for chat history: one at a time, since answers carry nothing to tell them apart. */
export class HistoryRequests {
  readonly #environment: Environment;
  readonly #send: (request: Ephemeral) => boolean;
  #current: Pending | undefined;
  #timer: Timer;

  /** @param send false when there is no connection to send it by. */
  constructor(environment: Environment, send: (request: Ephemeral) => boolean) {
    this.#environment = environment;
    this.#send = send;
  }

  /** Asks for the lines before that number, or for the newest. While a request is under way, its outcome is shared. */
  fetch(limit: number, before?: number): Promise<History> {
    if (this.#current) return this.#current.promise;
    if (!this.#send({ type: 'history', ...(before !== undefined && { before }), limit })) {
      return Promise.reject(new TandemError('unavailable', 'there is no connection'));
    }
    let settle!: Pick<Pending, 'resolve' | 'reject'>;
    const promise = new Promise<History>((resolve, reject) => (settle = { resolve, reject }));
    this.#current = { promise, ...settle };
    const late = (): void => this.failed(new TandemError('timeout', 'no chat history came'));
    this.#timer = this.#environment.setTimeout(late, PATIENCE_MS);
    return promise;
  }

  /** Asks for the newest lines, after what is under way. */
  async fetchNewest(limit: number): Promise<History> {
    await this.#current?.promise.catch(() => undefined);
    return this.fetch(limit);
  }

  /** An answer has come. */
  answered(history: History): void {
    this.#take()?.resolve(history);
  }

  /** No answer will come. */
  failed(error: TandemError): void {
    this.#take()?.reject(error);
  }

  #take(): Pending | undefined {
    const current = this.#current;
    this.#current = undefined;
    this.#environment.clearTimeout(this.#timer);
    return current;
  }
}
