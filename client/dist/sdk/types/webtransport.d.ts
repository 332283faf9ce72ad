import type { Environment } from './environment.js';
import { type Endpoint } from './protocol/index.js';
import type { Transport, TransportEvents } from './transport.js';
/**
 * Opens a WebTransport session and the stream for control. Resolves when that is usable; the gateway says nothing
 * before hello.
 */
export declare function openWebTransport(endpoint: Endpoint, events: TransportEvents, environment: Environment, signal: AbortSignal): Promise<Transport>;
