import type { Environment } from './environment.js';
import type { Paths } from './paths.js';
import { type Endpoint } from './protocol/index.js';
import type { Connection, TransportEvents } from './transport.js';
/** What to try. */
export interface Plan {
    /** Best first. */
    readonly endpoints: readonly Endpoint[];
    /** Why there is no WebTransport among them, for people. */
    readonly without?: string;
}
/**
 * One round of attempts: each endpoint is tried when those before it have failed or had their head start, and the
 * first to be usable wins. The others are closed; of a WebTransport that lost it is found out whether UDP was dropped.
 */
export declare class Heat {
    #private;
    constructor(plan: Plan, paths: Paths, events: TransportEvents, environment: Environment);
    /** Runs it, once. @param signal is aborted at the latest when the connection is over. */
    run(signal: AbortSignal): Promise<Connection>;
}
