import { type Gate, type Timeline } from '../protocol/index.js';
import type { Latencies } from './latency.js';
/** Beyond this a player that moves is stopped and sought into place rather than nudged, in seconds. */
export declare const SEEK_BEYOND = 0.4;
/** How often a timeline is sought before the player plays from where it is, and catches up later. */
export declare const MOST_SEEKS = 3;
/** The player at an instant. Positions are in seconds. */
export interface PlayerView {
    readonly loaded: boolean;
    readonly paused: boolean;
    readonly seeking: boolean;
    readonly canPlay: boolean;
    readonly position: number;
    readonly duration: number;
    /** It has not moved since its last seek, so nothing stale is in its pipeline. */
    readonly flushed: boolean;
    /** Where that seek went; undefined when none did. */
    readonly soughtTo: number | undefined;
    /** It was started for the present timeline. */
    readonly launched: boolean;
    /** How often it was sought lately for the present timeline. */
    readonly seeks: number;
}
/** What to do with the player now. Each step but the last three ends in an event of the player, which asks again. */
export type Step = {
    readonly do: 'pause';
} | {
    readonly do: 'seek';
    readonly to: number;
}
/** Call `play()` so that the media moves at that instant of cluster time. */
 | {
    readonly do: 'start';
    readonly at: number;
}
/** The player wants data to start with, and will tell when it has some. */
 | {
    readonly do: 'buffer';
}
/** It stands where it should. */
 | {
    readonly do: 'hold';
}
/** It plays: leave it to the follower. */
 | {
    readonly do: 'follow';
}
/** It is busy, and will tell. */
 | {
    readonly do: 'wait';
};
/**
 * Decides the next step towards a timeline: pure, so that it can be tried at any instant. A player is only ever
 * started from a flushed pause, at the instant at which the timeline passes where it stands; whoever comes late seeks
 * ahead of the timeline and waits for it there.
 *
 * @param now cluster time in microseconds.
 */
export declare function decide(timeline: Timeline, gate: Gate | undefined, view: PlayerView, latencies: Latencies, now: number): Step;
