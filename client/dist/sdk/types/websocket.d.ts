import type { Environment } from './environment.js';
import { type Endpoint } from './protocol/index.js';
import type { Transport, TransportEvents } from './transport.js';
/** Opens a WebSocket: one JSON message per text frame, in one ordered stream. */
export declare function openWebSocket({ url }: Endpoint, events: TransportEvents, environment: Environment, signal: AbortSignal): Promise<Transport>;
