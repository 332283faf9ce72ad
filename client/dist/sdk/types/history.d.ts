import type { Environment } from './environment.js';
import { TandemError } from './errors.js';
import type { Ephemeral, History } from './protocol/index.js';
/** Requests for chat history: one at a time, since answers carry nothing to tell them apart. */
export declare class HistoryRequests {
    #private;
    /** @param send false when there is no connection to send it by. */
    constructor(environment: Environment, send: (request: Ephemeral) => boolean);
    /** Asks for the lines before that number, or for the newest. While a request is under way, its outcome is shared. */
    fetch(limit: number, before?: number): Promise<History>;
    /** Asks for the newest lines, after what is under way. */
    fetchNewest(limit: number): Promise<History>;
    /** An answer has come. */
    answered(history: History): void;
    /** No answer will come. */
    failed(error: TandemError): void;
}
