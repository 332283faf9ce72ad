import type { Environment } from '../environment.js';
import type { Status } from '../protocol/index.js';
/** Reports a player's status when it has changed: at most twice a second, small movements every few seconds. */
export declare class StatusReporter {
    #private;
    /** @param send false when it could not be sent. */
    constructor(environment: Environment, send: (status: Status) => boolean, read: () => Status);
    /** Something may have changed. */
    changed(): void;
    stop(): void;
}
