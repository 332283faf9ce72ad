import type { Environment } from './environment.js';
/**
 * Remembers which networks drop UDP on the way to a gateway, so that nobody waits for it again and again. A network is
 * told by the gateway and by its kind, where the platform says that. It is kept over reloads where there is a store.
 */
export declare class Paths {
    #private;
    constructor(environment: Environment, gateway: string);
    /** UDP does not get through here, as far as is known. */
    get drops(): boolean;
    /** UDP did not get through. @param timesBefore how often it had not before, if that was to be forgotten. */
    dropped(timesBefore?: number): void;
    /**
     * A WebTransport was open and carried nothing any more. That may be the gateway's end as well as the network, so the
     * next race finds out; unless it never worked, or the last one ended so too: a race that WebTransport wins each time
     * only for it to fall silent again would never end.
     *
     * @param afterMs how long it had been open.
     * @param timesBefore how often in a row UDP had not got through before.
     */
    fellSilent(afterMs: number, timesBefore: number): void;
    /** UDP gets through. Returns how often in a row it had not. */
    works(): number;
    /** The device may be on another network: what was dropped deserves a try. */
    retry(): void;
}
