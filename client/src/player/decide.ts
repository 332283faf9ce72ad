import { instantOf, positionAt, type Gate, type Timeline } from '../protocol/index.js';
import type { Latencies } from './latency.js';

/** Beyond this a player that moves is stopped and sought into place rather than nudged, in seconds. */
export const SEEK_BEYOND = 0.4;
/** How often a timeline is sought before the player plays from where it is, and catches up later. */
export const MOST_SEEKS = 3;

/** A start that is less ahead than this is no reason to stop a player that moves, in microseconds. */
const SOON = 20_000;
/** How near two positions are the same, in seconds. */
const SAME = 0.001;
/** A seek to exactly where the player stands is skipped by browsers and flushes nothing: go here first, in seconds. */
const ASIDE = 0.003;
/** What is added to learned latencies when seeking ahead, in milliseconds. */
const MARGIN_MS = 25;
const SEEK_FACTOR = 1.5;
/** How far ahead of the timeline a paused player may stand and just wait for it, in microseconds. */
const MOST_WAIT = 2e6;

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
export type Step =
  | { readonly do: 'pause' }
  | { readonly do: 'seek'; readonly to: number }
  /** Call `play()` so that the media moves at that instant of cluster time. */
  | { readonly do: 'start'; readonly at: number }
  /** The player wants data to start with, and will tell when it has some. */
  | { readonly do: 'buffer' }
  /** It stands where it should. */
  | { readonly do: 'hold' }
  /** It plays: leave it to the follower. */
  | { readonly do: 'follow' }
  /** It is busy, and will tell. */
  | { readonly do: 'wait' };

/**
 * Decides the next step towards a timeline: pure, so that it can be tried at any instant. A player is only ever
 * started from a flushed pause, at the instant at which the timeline passes where it stands; whoever comes late seeks
 * ahead of the timeline and waits for it there.
 *
 * @param now cluster time in microseconds.
 */
export function decide(
  timeline: Timeline,
  gate: Gate | undefined,
  view: PlayerView,
  latencies: Latencies,
  now: number,
): Step {
  if (!view.loaded || view.seeking) return { do: 'wait' };
  const position = positionAt(timeline, now);
  const moves = timeline.playing && gate === undefined && position < view.duration;
  if (!moves) {
    if (view.paused) return hold(Math.min(position, view.duration), view);
    // The last moments play out.
    const ending = timeline.playing && view.duration - view.position < SEEK_BEYOND;
    return ending ? { do: 'follow' } : { do: 'pause' };
  }
  if (!view.paused) {
    const stands = !view.launched && timeline.at > now + SOON;
    // Out of data it goes on by itself, and is seen to then.
    if (view.launched && !view.canPlay) return { do: 'buffer' };
    const apart = Math.abs(view.position - position) > SEEK_BEYOND && view.seeks < MOST_SEEKS;
    return stands || apart ? { do: 'pause' } : { do: 'follow' };
  }
  return startFromPause(timeline, view, latencies, now);
}

function hold(target: number, view: PlayerView): Step {
  if (target === view.duration && view.position >= target - SAME) return { do: 'hold' };
  // Some media cannot be sought to every instant: where the seek went counts as there.
  if (view.flushed && (view.soughtTo === target || Math.abs(view.position - target) <= SAME)) return { do: 'hold' };
  return seek(target, view);
}

function startFromPause(timeline: Timeline, view: PlayerView, latencies: Latencies, now: number): Step {
  const lead = 1000 * (SEEK_FACTOR * latencies.seekMs + MARGIN_MS + latencies.playMs) * (1 + view.seeks);
  const passes = instantOf(timeline, view.position);
  const inTime = passes - latencies.playMs * 1000 >= now && passes - now <= Math.max(MOST_WAIT, lead, timeline.at - now);
  const exhausted = view.seeks >= MOST_SEEKS;
  if ((view.flushed && inTime) || exhausted) {
    return view.canPlay ? { do: 'start', at: Math.max(passes, now) } : { do: 'buffer' };
  }
  if (view.flushed && view.seeks > 0 && !view.canPlay) return { do: 'buffer' };
  const arrival = Math.max(timeline.at, now + lead);
  return seek(Math.min(positionAt(timeline, arrival), view.duration), view);
}

/** A seek that flushes, which one to exactly where the player stands would not. */
function seek(to: number, view: PlayerView): Step {
  if (view.position !== to) return { do: 'seek', to };
  return { do: 'seek', to: to >= ASIDE ? to - ASIDE : to + ASIDE };
}
