import type { Environment } from './environment.js';
import type { Endpoint } from './protocol/index.js';
import type { Connect, TransportKind } from './transport.js';
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
export declare class Race {
    #private;
    /** Where a gateway can be reached by what is known of it. */
    readonly home: readonly Endpoint[];
    constructor({ gateway, transports, environment }: RaceOptions);
    /** Stops listening. */
    stop(): void;
    readonly connect: Connect;
}
