import { carryOn, estimateOffset, roundTrip, type ClockSample, type OffsetEstimate } from './clock-estimate.js';

/** How long samples count, in microseconds. */
const WINDOW = 60e6;
const MOST_SAMPLES = 128;
/** The output follows the estimate by at most this many microseconds a second (5 ms/s)… */
const SLEW_PER_SECOND = 5_000;
/** …and jumps when it is further off than this: 100 ms. */
const STEP = 100_000;
/** Until so many samples the output follows at once: nothing can be running on it yet. */
const SETTLING_SAMPLES = 10;
const RTT_SAMPLES = 8;

/** What users of the clock read. */
export interface ClusterTime {
  /** Cluster time in microseconds since 1970; the device's own guess before the first exchange. */
  now(): number;
  /** The cluster time at an instant of the environment's monotonic clock in milliseconds. */
  at(localMs: number): number;
  /** The environment's monotonic instant in milliseconds at which the cluster's clock shows `time`. */
  localAt(time: number): number;
  /** A bound on the error of `now()` in milliseconds; Infinity before the first exchange. */
  readonly errorMs: number;
  /** The median of the last round trips in milliseconds; undefined before the first. */
  readonly rttMs: number | undefined;
}

/**
 * The cluster's clock, estimated from exchanges of four timestamps. The device's wall clock plays no part: between
 * exchanges the monotonic clock carries it on. Small corrections are slewed, so that video never jumps for them.
 */
export class ClusterClock implements ClusterTime {
  readonly #monotonic: () => number;
  #samples: ClockSample[] = [];
  #estimate: OffsetEstimate | undefined;
  /** What was known before the restart, until the new samples know it better. */
  #prior: OffsetEstimate | undefined;
  /** The offset in force, in microseconds, and the monotonic instant up to which it was slewed. */
  #offset = 0;
  #slewedTo = 0;
  #settled = false;

  /** @param monotonic a monotonic clock in milliseconds. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#offset = Date.now() * 1000 - monotonic() * 1000;
  }

  /** The monotonic clock in whole microseconds, as probes carry it. */
  local(): number {
    return Math.round(this.#monotonic() * 1000);
  }

  /** Takes in an exchange. One whose stamps contradict each other is dropped. */
  add(sample: ClockSample): void {
    if (!(sample.t4 >= sample.t1 && sample.t3 >= sample.t2)) return;
    this.#advance(sample.t4);
    this.#samples = this.#samples.filter((s) => sample.t4 - s.t4 <= WINDOW).slice(1 - MOST_SAMPLES);
    this.#samples.push(sample);
    let estimate = estimateOffset(this.#samples, sample.t4);
    if (!estimate) {
      // No offset fits all samples: one of the clocks has stepped, and only the newest tells where to.
      this.#samples = [sample];
      estimate = estimateOffset(this.#samples, sample.t4);
    }
    this.#estimate = estimate && this.#orPrior(estimate);
    if (!this.#settled) {
      this.#offset = this.#target(sample.t4);
      this.#settled = this.#samples.length >= SETTLING_SAMPLES;
    }
  }

  /**
   * Forgets the samples, for another gateway may answer from now on. What was known holds until the new samples know
   * it better, or contradict it: a first answer that took long says little.
   */
  restart(): void {
    this.#advance(this.local());
    this.#samples = [];
    this.#prior = this.#estimate;
  }

  now(): number {
    return this.at(this.#monotonic());
  }

  at(localMs: number): number {
    this.#advance(this.local());
    return localMs * 1000 + this.#offset;
  }

  localAt(time: number): number {
    this.#advance(this.local());
    return (time - this.#offset) / 1000;
  }

  get errorMs(): number {
    if (!this.#estimate) return Infinity;
    const now = this.local();
    this.#advance(now);
    const { offset, error } = carryOn(this.#estimate, now);
    return (error + Math.abs(offset - this.#offset)) / 1000;
  }

  get rttMs(): number | undefined {
    const rtts = this.#samples.slice(-RTT_SAMPLES).map(roundTrip).sort((a, b) => a - b);
    const median = rtts[rtts.length >> 1];
    return median === undefined ? undefined : median / 1000;
  }

  /** The estimated drift of this device's clock against the cluster's, in parts per million. */
  get driftPpm(): number {
    return (this.#estimate?.drift ?? 0) * 1e6;
  }

  #target(now: number): number {
    return this.#estimate ? carryOn(this.#estimate, now).offset : this.#offset;
  }

  #orPrior(estimate: OffsetEstimate): OffsetEstimate {
    const prior = this.#prior && carryOn(this.#prior, estimate.at);
    const agrees = prior && Math.abs(prior.offset - estimate.offset) <= prior.error + estimate.error;
    if (agrees && prior.error < estimate.error) return prior;
    this.#prior = undefined;
    return estimate;
  }

  #advance(now: number): void {
    const most = (Math.max(0, now - this.#slewedTo) / 1e6) * SLEW_PER_SECOND;
    this.#slewedTo = now;
    const gap = this.#target(now) - this.#offset;
    if (Math.abs(gap) > STEP) this.#offset += gap;
    else this.#offset += Math.max(-most, Math.min(most, gap));
  }
}
