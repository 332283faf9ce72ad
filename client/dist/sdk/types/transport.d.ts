import type { Environment } from './environment.js';
import type { TandemError } from './errors.js';
import type { ClientMessage, Endpoint, Received } from './protocol/index.js';
/** How messages travel. */
export type TransportKind = Endpoint['transport'];
/** An open connection to a gateway. How a message is framed, and on which channel it goes, is the transport's affair. */
export interface Transport {
    readonly kind: TransportKind;
    readonly url: string;
    /** Sends a message, or drops it when the connection is closing. Throws `too_large` for an oversized one. */
    send(message: ClientMessage): void;
    /** Closes; `closed` of the events is not called any more. */
    close(code: number, reason: string): void;
}
/** What a connection tells its session. */
export interface TransportEvents {
    /** @param receivedAt when it arrived, by the environment's monotonic clock in milliseconds. */
    message(message: Received, receivedAt: number): void;
    /** Something arrived that is no message. */
    garbage(error: TandemError): void;
    /** The connection is gone, once. */
    closed(code: number, reason: string): void;
}
/** A transport, and why it is this one. */
export interface Connection {
    readonly transport: Transport;
    /** For people who wonder, such as "WebSocket: UDP did not get through". */
    readonly why: string;
    /** It is open and carries nothing any more: whoever chose it may choose otherwise next time. */
    fellSilent?(): void;
}
/**
 * Opens a connection to one of the endpoints, best first. Rejects when none can be reached. An aborted signal makes
 * it give up; it comes at the latest when the connection is over. Choosing and racing transports is done behind this.
 */
export type Connect = (endpoints: readonly Endpoint[], events: TransportEvents, environment: Environment, signal: AbortSignal) => Promise<Connection>;
