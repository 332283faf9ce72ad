import type { ConnectionInfo, Synchronised } from '@tandem.watch/client';
import { byId, setText } from './dom.js';
import { formatMs, formatOffset } from './format.js';
import type { Part } from './watch.js';

const TICK_MS = 500;

const STATES: Record<ConnectionInfo['state'], string> = {
  connecting: 'Connecting…',
  connected: 'Connected',
  reconnecting: 'Reconnecting…',
  closed: 'Closed',
};

/** One line that tells how the connection, the clock and the player do. */
export class StateLine {
  readonly #part: Part;
  readonly #sync: Synchronised;
  readonly #connection = byId('connection-state', HTMLSpanElement);
  readonly #figures = byId('figures', HTMLSpanElement);

  constructor(part: Part, sync: Synchronised) {
    this.#part = part;
    this.#sync = sync;
    part.room.on('connection', () => this.#tick());
    const ticking = setInterval(() => this.#tick(), TICK_MS);
    part.signal.addEventListener('abort', () => clearInterval(ticking));
    this.#tick();
  }

  #tick(): void {
    const { connection, clock } = this.#part.room;
    const { offsetMs, buffering, blocked } = this.#sync.stats;
    const { state, why } = connection;
    setText(this.#connection, STATES[state]);
    this.#connection.dataset['state'] = state;
    const figures: string[] = [];
    if (state === 'connected' && why) figures.push(why);
    if (Number.isFinite(clock.errorMs)) figures.push(`clock ±${formatMs(clock.errorMs)}`);
    if (offsetMs !== undefined) figures.push(`offset ${formatOffset(offsetMs)}`);
    if (clock.rttMs !== undefined) figures.push(`round trip ${formatMs(clock.rttMs)}`);
    if (buffering) figures.push('buffering');
    if (blocked) figures.push('sound blocked by the browser');
    setText(this.#figures, figures.map((f) => ` · ${f}`).join(''));
  }
}
