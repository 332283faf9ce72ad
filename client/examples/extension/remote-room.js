// The room of the service worker, as `synchronise` needs one: what is asked of it goes over a port, and its clock is
// estimated from the round trips.
import { positionAt } from './tandem.js';

/** How often the worker's clock is asked, in milliseconds; it also keeps the worker from being stopped. */
const PROBE_MS = 5_000;
/** The first questions follow each other so fast. */
const FIRST_PROBES = 5;
const FIRST_PROBE_MS = 50;
/** Of so many answers the most certain one tells the clock… */
const MOST_READINGS = 12;
/** …which grows less certain by this much for each millisecond of its age, as clocks drift: 30 ppm. */
const AGEING = 30e-6;

/** A `SyncedRoom` of the SDK at the end of a port. */
export class RemoteRoom {
  state;
  #port;
  #player;
  #listeners = new Set();
  #calls = new Map();
  #lastCall = 0;
  #readings = [];
  #probes = 0;
  #timer;

  constructor(port) {
    this.#port = port;
    port.onMessage.addListener((message) => this.#receive(message));
    this.#probe();
  }

  /** The state and the time are known: `synchronise` may have it. */
  get known() {
    return this.state !== undefined && this.#readings.length > 0;
  }

  close() {
    clearTimeout(this.#timer);
    for (const { reject } of this.#calls.values()) reject(new Error('the extension was stopped'));
    this.#calls.clear();
  }

  // The clock: microseconds of cluster time, as in the SDK.

  clock = {
    now: () => this.clock.at(performance.now()),
    at: (localMs) => localMs * 1000 + this.#best().offset,
    localAt: (time) => (time - this.#best().offset) / 1000,
    get errorMs() {
      return this.reading().errorMs;
    },
    get rttMs() {
      return this.reading().rttMs;
    },
    reading: () => this.#best(),
  };

  #best() {
    const now = performance.now();
    const error = (reading) => reading.errorMs + AGEING * (now - reading.at);
    return this.#readings.reduce((best, reading) => (error(reading) < error(best) ? reading : best));
  }

  #probe() {
    this.#port.postMessage({ probe: performance.now() });
    this.#timer = setTimeout(() => this.#probe(), this.#probes++ < FIRST_PROBES ? FIRST_PROBE_MS : PROBE_MS);
  }

  #read({ probe, time, errorMs, rttMs }) {
    const at = performance.now();
    const half = (at - probe) / 2;
    const reading = { at, offset: time - (probe + half) * 1000, errorMs: errorMs + half, rttMs };
    this.#readings = [...this.#readings.slice(1 - MOST_READINGS), reading];
  }

  // What `synchronise` uses.

  on(_, listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  attachPlayer(player) {
    this.#player = player;
    return () => (this.#player = undefined);
  }

  /** Waits for the members at the very start, and where this player has no data, as a room in the page does. */
  play(options = {}) {
    const target = options.position ?? positionAt(this.state.timeline, this.clock.now());
    return this.#call('play', { ...options, wait: target === 0 || this.#lacksData(target) });
  }

  pause(position) {
    const frozen = this.#player?.freeze();
    const done = this.#call('pause', position ?? frozen?.position);
    const release = () => frozen?.release();
    done.then(release, release);
    return done;
  }

  seek(position) {
    return this.#call('seek', position, { wait: this.state.timeline.playing && this.#lacksData(position) });
  }

  ready(gate) {
    return this.#call('ready', gate);
  }

  report(status) {
    this.#port.postMessage({ report: status });
    return true;
  }

  #lacksData(position) {
    return this.#player !== undefined && !this.#player.canPlayAt(position);
  }

  #call(call, ...args) {
    const id = ++this.#lastCall;
    this.#port.postMessage({ call, id, args });
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
  }

  #receive(message) {
    if (message.probe !== undefined) this.#read(message);
    if (message.state) {
      this.state = message.state;
      for (const listener of this.#listeners) listener(message.state);
    }
    const call = this.#calls.get(message.id);
    if (!call) return;
    this.#calls.delete(message.id);
    if (message.error) call.reject(Object.assign(new Error(message.error.message), { code: message.error.code }));
    else call.resolve(message.number);
  }
}
