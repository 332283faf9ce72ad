import type { Environment } from './environment.js';
import type { TandemError } from './errors.js';
import { type Bye, type ClientMessage, type Endpoint, type Received } from './protocol/index.js';
import type { Connect, Connection } from './transport.js';
/** What a line tells its session. */
export interface LineEvents {
    /** A connection is open: say hello. */
    opened(): void;
    /** @param receivedAt by the environment's monotonic clock in milliseconds. */
    message(message: Received, receivedAt: number): void;
    garbage(error: TandemError): void;
    /** The connection, or an attempt at one, is over. The next comes by itself. @param seatGone come without the seat. */
    down(code: number, reason: string, seatGone: boolean): void;
    /** The gateway wants no next one. */
    ended(code: number, reason: string): void;
}
/** A line to the gateways: one connection at a time, and when that is lost another, with back-off. */
export declare class Line {
    #private;
    constructor(environment: Environment, connect: Connect, home: readonly Endpoint[], events: LineEvents);
    /** The connection, once it is open. */
    get connection(): Connection | undefined;
    /** Welcome has come over the present connection. */
    get welcomed(): boolean;
    /** Connects. */
    open(): void;
    /** Sends over the present connection; without one, nothing. Throws `too_large`. */
    send(message: ClientMessage): void;
    /** The gateway has let us in. @param elsewhere where else the room can be reached. */
    confirm(elsewhere: readonly Endpoint[] | undefined): void;
    /** The gateway sends us away. @param instead where to go first. */
    dismissed({ code, reason, afterMs, endpoints }: Bye): void;
    /**
     * The present connection carries nothing any more. After one that had held there is no delay: that one of many
     * falls silent draws no crowd, and every moment counts.
     */
    silent(reason: string): void;
    /** Gives up the present connection, and connects again unless the code says to stay away. */
    lost(code: number, reason: string, atLeastMs?: number): void;
    /** Ends for good. */
    end(code: number, reason: string): void;
}
