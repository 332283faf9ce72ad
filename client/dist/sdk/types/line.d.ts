import type { Environment } from './environment.js';
import type { TandemError } from './errors.js';
import { type ClientMessage, type Endpoint, type ServerMessage } from './protocol/index.js';
import type { Connect, Connection } from './transport.js';
/** What a line tells its session. */
export interface LineEvents {
    /** A connection is open: say hello. */
    opened(): void;
    /** @param receivedAt by the environment's monotonic clock in milliseconds. */
    message(message: ServerMessage, receivedAt: number): void;
    garbage(error: TandemError): void;
    /** The connection, or an attempt at one, is over. The next comes by itself. @param seatGone come without the seat. */
    down(code: number, reason: string, seatGone: boolean): void;
    /** The gateway wants no next one. */
    ended(code: number, reason: string): void;
}
/** A line to the gateways: one connection at a time, and when that is lost another, with back-off. */
export declare class Line {
    #private;
    constructor(environment: Environment, connect: Connect, endpoints: readonly Endpoint[], events: LineEvents);
    /** The connection, once it is open. */
    get connection(): Connection | undefined;
    /** Welcome has come over the present connection. */
    get welcomed(): boolean;
    /** Connects. */
    open(): void;
    /** Sends over the present connection; without one, nothing. Throws `too_large`. */
    send(message: ClientMessage): void;
    /** The gateway has let us in. */
    confirm(): void;
    /** Where to connect from now on. */
    redirect(endpoints: readonly Endpoint[] | undefined): void;
    /** Gives up the present connection, and connects again unless the code says to stay away. */
    lost(code: number, reason: string, atLeastMs?: number): void;
    /** Ends for good. */
    end(code: number, reason: string): void;
}
