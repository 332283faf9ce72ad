import { Discovery, type Directory } from './discovery.js';
import type { Environment, Timer } from './environment.js';
import { TandemError } from './errors.js';
import { Heat, type Plan } from './heat.js';
import { Paths } from './paths.js';
import type { Endpoint } from './protocol/index.js';
import type { Connect, TransportKind } from './transport.js';

/** How long to wait for the gateway's word on where to connect, in milliseconds. */
const DISCOVERY_MS = 600;
/** The same when it has said so before: its certificates and addresses seldom change. In milliseconds. */
const REDISCOVERY_MS = 300;
const MOST_ENDPOINTS = 6;

export interface RaceOptions {
  /** The gateway's address, such as `https://tandem.example`. */
  readonly gateway: string;
  /** Which transports to use; all without it. */
  readonly transports?: readonly TransportKind[] | undefined;
  readonly environment: Environment;
}

/**
 * Connects by the first transport that is usable. WebTransport has a short head start, so a network that drops UDP
 * costs no more than that, and then nothing for a while: it is remembered.
 */
export class Race {
  /** Where a gateway can be reached by what is known of it. */
  readonly home: readonly Endpoint[];
  readonly #environment: Environment;
  readonly #transports: readonly TransportKind[];
  readonly #discovery: Discovery;
  readonly #paths: Paths;
  readonly #stopOnline: () => void;
  /** Nothing got through last time: then nothing is left untried. */
  #desperate = false;

  constructor({ gateway, transports, environment }: RaceOptions) {
    this.home = [webSocketOf(gateway)];
    this.#environment = environment;
    this.#transports = transports ?? ['webtransport', 'websocket'];
    this.#discovery = new Discovery(environment, gateway);
    this.#paths = new Paths(environment, new URL(gateway).origin);
    this.#stopOnline = environment.onOnline(() => this.#paths.retry());
  }

  /** Stops listening. */
  stop(): void {
    this.#stopOnline();
  }

  readonly connect: Connect = async (endpoints, events, environment, signal) => {
    const plan = await this.#plan(endpoints, signal);
    if (signal.aborted) throw new TandemError('aborted', 'the attempt was given up');
    this.#desperate = true;
    const connection = await new Heat(plan, this.#paths, events, environment).run(signal);
    this.#desperate = false;
    return connection;
  };

  async #plan(endpoints: readonly Endpoint[], signal: AbortSignal): Promise<Plan> {
    const excluded = this.#excluded();
    if (excluded !== undefined) {
      const webSockets = this.#expand(endpoints, this.#discovery.known).filter((e) => e.transport === 'websocket');
      return { endpoints: webSockets.slice(0, MOST_ENDPOINTS), without: excluded };
    }
    const directory = await this.#ask(signal);
    const all = this.#expand(endpoints, directory).slice(0, MOST_ENDPOINTS);
    if (all.some((e) => e.transport === 'webtransport')) return { endpoints: all };
    return { endpoints: all, without: this.#withheld(directory) };
  }

  /** Why WebTransport need not be tried. */
  #excluded(): string | undefined {
    if (!this.#transports.includes('webtransport')) return 'the program asked for it';
    const lacking = this.#environment.lacksWebTransport();
    if (lacking !== undefined) return lacking;
    const choice = this.#transports.includes('websocket') && !this.#desperate;
    return choice && this.#paths.drops ? 'UDP did not get through here lately' : undefined;
  }

  /** Why the gateway names no WebTransport. */
  #withheld(directory: Directory | undefined): string {
    if (!directory) return 'the gateway did not say where its WebTransport is';
    const { webTransportOff } = directory;
    return webTransportOff ? `the gateway says: ${webTransportOff}` : 'the gateway has no WebTransport';
  }

  /** The gateway's word, if it comes in time; otherwise its last one. */
  #ask(signal: AbortSignal): Promise<Directory | undefined> {
    return new Promise((resolve) => {
      let timer: Timer;
      const settle = (directory?: Directory): void => {
        this.#environment.clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        resolve(directory ?? this.#discovery.known);
      };
      const giveUp = (): void => settle();
      const patience = this.#discovery.known ? REDISCOVERY_MS : DISCOVERY_MS;
      timer = this.#environment.setTimeout(giveUp, patience);
      signal.addEventListener('abort', giveUp);
      void this.#discovery.ask().then(settle);
    });
  }

  /** Puts what the gateway said of itself where its address alone stood; each endpoint once. */
  #expand(endpoints: readonly Endpoint[], directory: Directory | undefined): Endpoint[] {
    const known = directory?.endpoints ?? [];
    const all = new Map<string, Endpoint>();
    for (const endpoint of endpoints) {
      const isHome = this.home.some((h) => h.url === endpoint.url);
      for (const e of isHome ? [...known, endpoint] : [endpoint]) {
        // The certificates that it has just told are the ones to trust.
        const fresh = known.find((k) => k.url === e.url) ?? e;
        if (this.#transports.includes(e.transport) && !all.has(e.url)) all.set(e.url, fresh);
      }
    }
    return [...all.values()];
  }
}

/** Where the WebSocket of a gateway is. */
function webSocketOf(gateway: string): Endpoint {
  const url = new URL('/v1/ws', gateway);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return { transport: 'websocket', url: url.href };
}
