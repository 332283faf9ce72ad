import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClusterClock } from '../src/clock.js';
import { estimateOffset } from '../src/clock-estimate.js';
import { seeded } from './fake-time.js';

const OFFSET = 1_767_225_600_000_000;

interface Path {
  /** One-way delays in milliseconds, there and back: the least, and the mean of an exponential tail. */
  out: [least: number, tail: number];
  back: [least: number, tail: number];
  /** By how much the cluster's clock runs faster than the local one. */
  ppm?: number;
}

/** A client's clock, exchanging with a cluster's over a path with jitter, in virtual time. */
class Exchange {
  local = 5_000;
  readonly clock = new ClusterClock(() => this.local);
  step = 0;

  constructor(
    readonly path: Path,
    readonly random = seeded(7),
  ) {}

  cluster(local = this.local): number {
    return OFFSET + this.step + local * 1000 * (1 + (this.path.ppm ?? 0) / 1e6);
  }

  get errorMs(): number {
    return (this.clock.now() - this.cluster()) / 1000;
  }

  /** Probes like a session, for so long. */
  run(ms: number, each: () => void = () => undefined): void {
    const end = this.local + ms;
    for (let sent = 0; this.local < end; sent++) {
      const next = this.local + (sent < 10 ? 40 : sent < 20 ? 500 : 2_000);
      const t1 = this.clock.local();
      this.local += this.#delay(this.path.out);
      const t2 = Math.round(this.cluster());
      this.local += this.#delay(this.path.back);
      this.clock.add({ t1, t2, t3: t2, t4: this.clock.local() });
      each();
      this.local = Math.max(this.local, next);
    }
  }

  #delay([least, tail]: [number, number]): number {
    return least - tail * Math.log(1 - this.random());
  }
}

describe('the cluster’s clock', () => {
  it('is within its own bound at every moment, whatever the path', () => {
    const paths: Path[] = [
      { out: [0.1, 0.05], back: [0.1, 0.05] },
      { out: [10, 2], back: [10, 2] },
      { out: [60, 10], back: [60, 10] },
      { out: [5, 40], back: [5, 40] },
      { out: [100, 5], back: [20, 5] },
      { out: [20, 20], back: [100, 1], ppm: 25 },
    ];
    for (const path of paths) {
      for (let seed = 1; seed <= 20; seed++) {
        const exchange = new Exchange(path, seeded(seed));
        exchange.run(180_000, () => {
          const { errorMs, clock } = exchange;
          assert.ok(Math.abs(errorMs) <= clock.errorMs + 0.01, `${JSON.stringify(path)}: ${errorMs} > ${clock.errorMs}`);
        });
      }
    }
  });

  it('is far better than the jitter on a symmetric path', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const exchange = new Exchange({ out: [40, 10], back: [40, 10] }, seeded(seed));
      exchange.run(60_000);
      assert.ok(Math.abs(exchange.errorMs) < 2.5, `${exchange.errorMs}`);
    }
  });

  it('is off by half the asymmetry of the path, and says so', () => {
    const exchange = new Exchange({ out: [100, 0.1], back: [20, 0.1] });
    exchange.run(30_000);
    assert.ok(Math.abs(Math.abs(exchange.errorMs) - 40) < 1, `${exchange.errorMs}`);
    assert.ok(exchange.clock.errorMs >= 60 && exchange.clock.errorMs < 64, `${exchange.clock.errorMs}`);
  });

  it('finds the drift of crystals that are far apart', () => {
    for (const ppm of [-200, 200]) {
      const exchange = new Exchange({ out: [20, 1], back: [20, 1], ppm });
      exchange.run(120_000);
      assert.ok(Math.abs(exchange.clock.driftPpm - ppm) < 60, `${exchange.clock.driftPpm} for ${ppm}`);
      let worst = 0;
      exchange.run(60_000, () => (worst = Math.max(worst, Math.abs(exchange.errorMs))));
      assert.ok(worst < 3, `${worst} ms at ${ppm} ppm`);
    }
  });

  it('slews small corrections by at most 5 ms a second', () => {
    const exchange = new Exchange({ out: [5, 0], back: [5, 0] });
    exchange.run(20_000);
    exchange.clock.restart();
    exchange.step = 40_000;
    let before = exchange.clock.now() - exchange.local * 1000;
    let at = exchange.local;
    exchange.run(6_000, () => {
      const offset = exchange.clock.now() - exchange.local * 1000;
      assert.ok(Math.abs(offset - before) <= (exchange.local - at) * 5 + 1);
      [before, at] = [offset, exchange.local];
    });
    assert.ok(exchange.clock.errorMs >= Math.abs(exchange.errorMs));
    exchange.run(10_000);
    assert.ok(Math.abs(exchange.errorMs) < 0.1, `${exchange.errorMs}`);
  });

  it('steps when it is further off', () => {
    const exchange = new Exchange({ out: [5, 0.2], back: [5, 0.2] });
    exchange.run(20_000);
    exchange.step = 3_000_000;
    exchange.run(100);
    assert.ok(Math.abs(exchange.errorMs) < 1, `${exchange.errorMs}`);
  });

  it('is not moved by a first answer of the next gateway that took long', () => {
    const exchange = new Exchange({ out: [5, 0.2], back: [5, 0.2] });
    exchange.run(20_000);
    const { clock } = exchange;
    clock.restart();
    const t1 = clock.local();
    exchange.local += 800;
    const t2 = Math.round(exchange.cluster());
    exchange.local += 5;
    clock.add({ t1, t2, t3: t2, t4: clock.local() });
    assert.ok(Math.abs(exchange.errorMs) < 0.5 && clock.errorMs < 6, `${exchange.errorMs} ±${clock.errorMs}`);
    exchange.run(5_000);
    assert.ok(Math.abs(exchange.errorMs) < 0.5, `${exchange.errorMs}`);
  });

  it('follows the next gateway when that contradicts what was known', () => {
    const exchange = new Exchange({ out: [5, 0.2], back: [5, 0.2] });
    exchange.run(20_000);
    exchange.clock.restart();
    exchange.step = 2_000_000;
    exchange.run(200);
    assert.ok(Math.abs(exchange.errorMs) < 0.5, `${exchange.errorMs}`);
  });

  it('converts between local and cluster instants', () => {
    const exchange = new Exchange({ out: [5, 0.2], back: [5, 0.2] });
    exchange.run(20_000);
    const { clock, local } = exchange;
    assert.ok(Math.abs(clock.localAt(clock.now()) - local) < 1e-3);
    assert.ok(Math.abs(clock.localAt(clock.at(local + 500)) - (local + 500)) < 1e-3);
  });

  it('drops an exchange whose stamps contradict each other', () => {
    const exchange = new Exchange({ out: [5, 0], back: [5, 0] });
    exchange.run(5_000);
    const before = exchange.clock.now();
    const t = exchange.clock.local();
    exchange.clock.add({ t1: t + 10, t2: 0, t3: 0, t4: t });
    exchange.clock.add({ t1: t, t2: 10, t3: 0, t4: t + 10 });
    assert.equal(exchange.clock.now(), before);
  });

  it('knows no bound and no round trip before the first exchange', () => {
    const clock = new ClusterClock(() => 1);
    assert.equal(clock.errorMs, Infinity);
    assert.equal(clock.rttMs, undefined);
    assert.ok(Math.abs(clock.now() - Date.now() * 1000) < 1e6);
  });
});

describe('the estimate of an offset', () => {
  it('is the midpoint of the tightest bounds', () => {
    const samples = [
      { t1: 0, t2: 1_010, t3: 1_010, t4: 40 },
      { t1: 0, t2: 1_030, t3: 1_030, t4: 35 },
    ];
    const estimate = estimateOffset(samples, 40);
    assert.ok(estimate && Math.abs(estimate.offset - (1_010 + 995) / 2) < 0.01);
    assert.ok(estimate && Math.abs(estimate.error - 7.5) < 0.01);
  });

  it('does not exist when no offset fits, or without samples', () => {
    const apart = [
      { t1: 0, t2: 1_010, t3: 1_010, t4: 20 },
      { t1: 0, t2: 9_010, t3: 9_010, t4: 20 },
    ];
    assert.equal(estimateOffset(apart, 20), undefined);
    assert.equal(estimateOffset([], 20), undefined);
  });
});
