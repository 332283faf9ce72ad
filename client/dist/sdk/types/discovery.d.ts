import type { Environment } from './environment.js';
import type { Endpoint } from './protocol/index.js';
/** Where a gateway can be reached. */
export interface Directory {
    /** Best first. */
    readonly endpoints: readonly Endpoint[];
    /** Why it has no WebTransport, for people; undefined when it has. */
    readonly webTransportOff?: string;
}
/** Asks a gateway where it can be reached. Certificates rotate, so it is asked again before each round of attempts. */
export declare class Discovery {
    #private;
    /** @param gateway its address, such as `https://tandem.example`. */
    constructor(environment: Environment, gateway: string);
    /** The last answer, however old. */
    get known(): Directory | undefined;
    /** Asks, unless that was just done. Undefined when the gateway does not say. */
    ask(): Promise<Directory | undefined>;
}
