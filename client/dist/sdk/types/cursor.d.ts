import type { Events } from './protocol/index.js';
/** What to do with a range of events. */
export type Admission = 
/** Nothing in it is new. */
{
    readonly kind: 'seen';
}
/** It continues the log; the events are those not seen before. */
 | {
    readonly kind: 'new';
    readonly events: Events;
}
/** Something before it is missing: resume. */
 | {
    readonly kind: 'hole';
};
/** How far a client has read a room's log. Numbers are consecutive; a higher epoch opens with a snapshot. */
export declare class LogCursor {
    #private;
    get epoch(): number;
    /** The last number seen; 0 before any. */
    get number(): number;
    /** Stands where a snapshot does. False when the snapshot is older than what was already seen. */
    jump(epoch: number, number: number): boolean;
    /** Forgets everything, as a fresh seat has seen nothing. */
    reset(): void;
    /** Judges a range of events and, if it continues the log, moves past it. */
    admit(range: Events): Admission;
}
