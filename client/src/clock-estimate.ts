/**
 * One exchange of four timestamps, in microseconds: the probe left at `t1` and its answer came at `t4` by the local
 * monotonic clock; the gateway received it at `t2` and answered at `t3` by the cluster's.
 */
export interface ClockSample {
  readonly t1: number;
  readonly t2: number;
  readonly t3: number;
  readonly t4: number;
}

/** What a window of samples says about cluster time minus local time, in microseconds. */
export interface OffsetEstimate {
  /** The offset at local instant `at`. */
  readonly offset: number;
  /** A bound on its error, as long as neither clock drifts by more than 30 ppm beyond `drift`. */
  readonly error: number;
  /** By how much the offset grows per microsecond. */
  readonly drift: number;
  readonly at: number;
}

/** By how much a bound is widened for its age: what two quartz crystals may differ by. */
const WIDENING = 30e-6;
/** Drift is estimated once the samples span this many microseconds… */
const DRIFT_SPAN = 15e6;
/** …and believed when it is known this well, and stands out of its own noise by this factor. */
const DRIFT_NOISE = 50e-6;
const DRIFT_SIGNIFICANCE = 4;
const MOST_DRIFT = 500e-6;

/**
 * Estimates the offset at local instant `now`. A message takes some time, so t2 − t1 is never below the offset and
 * t3 − t4 never above it: the tightest such bounds of the window enclose it, whatever the jitter. The estimate is
 * their midpoint, which only the asymmetry of the fastest paths can move. Undefined when no offset fits all samples.
 */
export function estimateOffset(samples: readonly ClockSample[], now: number): OffsetEstimate | undefined {
  const { drift, noise } = estimateDrift(samples);
  const widening = WIDENING + noise;
  let low = -Infinity;
  let high = Infinity;
  for (const s of samples) {
    const sent = now - s.t1;
    const received = now - s.t4;
    high = Math.min(high, s.t2 - s.t1 + drift * sent + widening * sent);
    low = Math.max(low, s.t3 - s.t4 + drift * received - widening * received);
  }
  if (!(low <= high) || !Number.isFinite(high - low)) return undefined;
  return { offset: low + (high - low) / 2, error: (high - low) / 2, drift, at: now };
}

/** The estimate at a later local instant, less certain for its age. */
export function carryOn(estimate: OffsetEstimate, now: number): OffsetEstimate {
  const age = Math.max(0, now - estimate.at);
  const { offset, error, drift } = estimate;
  return { offset: offset + drift * age, error: error + WIDENING * age, drift, at: now };
}

/**
 * The slope of the offset by least squares over the faster half of the samples, and how far off it may be; 0 while it
 * is not significant.
 */
function estimateDrift(samples: readonly ClockSample[]): { readonly drift: number; readonly noise: number } {
  const none = { drift: 0, noise: 0 };
  const byRoundTrip = [...samples].sort((a, b) => roundTrip(a) - roundTrip(b));
  const fast = byRoundTrip.slice(0, Math.ceil(byRoundTrip.length / 2));
  const times = fast.map((s) => s.t1);
  const n = fast.length;
  if (n < 4 || Math.max(...times) - Math.min(...times) < DRIFT_SPAN) return none;
  const first = fast[0] as ClockSample;
  // Relative to one sample, so that squares of 1e15 do not eat the precision.
  const xs = fast.map((s) => (s.t1 + s.t4 - first.t1 - first.t4) / 2);
  const ys = fast.map((s) => midpoint(s) - midpoint(first));
  const meanX = mean(xs);
  const meanY = mean(ys);
  let sxx = 0;
  let sxy = 0;
  for (let i = 0; i < n; i++) {
    const dx = (xs[i] as number) - meanX;
    sxx += dx * dx;
    sxy += dx * ((ys[i] as number) - meanY);
  }
  const slope = sxy / sxx;
  let residual = 0;
  for (let i = 0; i < n; i++) residual += ((ys[i] as number) - meanY - slope * ((xs[i] as number) - meanX)) ** 2;
  const deviation = Math.sqrt(residual / (n - 2) / sxx);
  const noise = DRIFT_SIGNIFICANCE * deviation;
  if (!(deviation <= DRIFT_NOISE && Math.abs(slope) > noise)) return none;
  return { drift: Math.max(-MOST_DRIFT, Math.min(MOST_DRIFT, slope)), noise };
}

/** The time that an exchange spent on the network, in microseconds. */
export function roundTrip(s: ClockSample): number {
  return s.t4 - s.t1 - (s.t3 - s.t2);
}

function midpoint(s: ClockSample): number {
  return (s.t2 - s.t1 + (s.t3 - s.t4)) / 2;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
