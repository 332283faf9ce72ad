import type { Environment } from './environment.js';
import type { Endpoint } from './protocol/index.js';

/** An answer is fresh for so long, and an unanswered request is worth waiting for, in milliseconds. */
const FRESH_MS = 5_000;

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
    if (!this.#asked || now - this.#asked.at >= FRESH_MS) this.#asked = { at: now, answer: this.#fetch() };
    return this.#asked.answer;
  }

  async #fetch(): Promise<Directory | undefined> {
    try {
      const response = await this.#environment.fetch(this.#url, { cache: 'no-store' });
      if (!response.ok) return undefined;
      this.#known = directoryOf(await response.json());
      return this.#known;
    } catch {
      return undefined;
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
