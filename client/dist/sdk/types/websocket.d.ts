import type { Connect } from './transport.js';
/** Connects by WebSocket to the first endpoint that answers. */
export declare const connectWebSocket: Connect;
