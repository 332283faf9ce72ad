import type { Environment } from './environment.js';
import type { Endpoint } from './protocol/index.js';

/** An answer is fresh for so long, in milliseconds. */
const FRESH_MS = 5_000;
/** A request that has no answer by then is given up: where packets vanish, requests would pile up. */
const GIVE_UP_MS = 3_000;

/** Where a gateway can be reached. */
export interface Directory {
  /** Best first. */
  readonly endpoints: readonly Endpoint[];
  /** Why it has no WebTransport, for people; undefined when it has. */
  readonly webTransportOff?: string;
}

/** Asks a gateway where it can be reached. Certificates rotate, so it is asked again before each round of attempts. */
export class Discovery {
  readonly #environment: Environment;
  readonly #url: string;
  #asked: { readonly at: number; readonly answer: Promise<Directory | undefined> } | undefined;
  #known: Directory | undefined;

  /** @param gateway its address, such as `https://tandem.example`. */
  constructor(environment: Environment, gateway: string) {
    this.#environment = environment;
    this.#url = new URL('/v1/endpoints', gateway).href;
  }

  /** The last answer, however old. */
  get known(): Directory | undefined {
    return this.#known;
  }

  /** Asks, unless that was just done. Undefined when the gateway does not say. */
  ask(): Promise<Directory | undefined> {
    const now = this.#environment.now();
    if (!this.#asked || now - this.#asked.at >= FRESH_MS) {
      const asked = { at: now, answer: this.#fetch() };
      this.#asked = asked;
      // No answer is not kept: the next round asks anew.
      void asked.answer.then((directory) => {
        if (!directory && this.#asked === asked) this.#asked = undefined;
      });
    }
    return this.#asked.answer;
  }

  async #fetch(): Promise<Directory | undefined> {
    const abort = new AbortController();
    const timer = this.#environment.setTimeout(() => abort.abort(), GIVE_UP_MS);
    try {
      const response = await this.#environment.fetch(this.#url, { cache: 'no-store', signal: abort.signal });
      if (!response.ok) return undefined;
      this.#known = directoryOf(await response.json());
      return this.#known;
    } catch {
      return undefined;
    } finally {
      this.#environment.clearTimeout(timer);
    }
  }
}

/** Leaves out what later versions add. */
function directoryOf(answer: unknown): Directory {
  const { endpoints, webTransportOff } = answer as { endpoints?: unknown; webTransportOff?: unknown };
  return {
    endpoints: Array.isArray(endpoints) ? endpoints.filter(isEndpoint) : [],
    ...(typeof webTransportOff === 'string' && webTransportOff && { webTransportOff }),
  };
}

function isEndpoint(value: unknown): value is Endpoint {
  const { transport, url } = (value ?? {}) as Partial<Endpoint>;
  return (transport === 'websocket' || transport === 'webtransport') && typeof url === 'string';
}
