import type { RoomState } from '@tandem.watch/client';

/**
 * How far apart the room's players are in milliseconds: the greatest offset less the least, of those who play and are
 * connected. Undefined while fewer than two do. @param own the own offset, fresher than what the room was told of it.
 */
export function spreadOf(state: Pick<RoomState, 'timeline' | 'presence' | 'self'>, own: number | undefined): number | undefined {
  if (!state.timeline.playing) return undefined;
  const offsets = own === undefined ? [] : [own];
  for (const { member, away, buffering, offsetMs } of state.presence.values()) {
    if (member !== state.self && !away && !buffering && offsetMs !== undefined) offsets.push(offsetMs);
  }
  return offsets.length < 2 ? undefined : Math.max(...offsets) - Math.min(...offsets);
}

/** A measured offset, or undefined where there was none, at an instant in milliseconds. */
export interface PlotPoint {
  readonly at: number;
  readonly offset: number | undefined;
}

/** The half height of a plot, in milliseconds, that shows all points: one of a few round ones. */
export function scaleOf(points: readonly PlotPoint[]): number {
  const most = Math.max(0, ...points.map((p) => Math.abs(p.offset ?? 0)));
  return [50, 100, 250, 500, 1000].find((scale) => most <= scale) ?? 2500;
}

/** The curve through the points as an SVG path of that size; it is broken where nothing was measured. */
export function pathOf(points: readonly PlotPoint[], now: number, windowMs: number, scale: number, width: number, height: number): string {
  let path = '';
  let pen = false;
  for (const { at, offset } of points) {
    if (offset === undefined) {
      pen = false;
      continue;
    }
    const x = width * (1 - (now - at) / windowMs);
    const y = (height / 2) * (1 - Math.max(-1, Math.min(1, offset / scale)));
    path += `${pen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = true;
  }
  return path;
}

/** What a plot shows, for those who do not see it. */
export function describePlot(points: readonly PlotPoint[]): string {
  const offsets = points.flatMap((p) => p.offset ?? []);
  const last = points.at(-1)?.offset;
  if (offsets.length === 0 || last === undefined) return 'My offset: not playing';
  const round = (ms: number): string => `${ms < 0 ? 'minus ' : ''}${Math.abs(Math.round(ms))}`;
  return `My offset: ${round(last)} milliseconds now, from ${round(Math.min(...offsets))} to ${round(Math.max(...offsets))} in the last minute`;
}
