import type { ConnectionInfo, Synchronised } from '@tandem.watch/client';
import { byId, make, makeSvg, setAttribute, setText } from './dom.js';
import { formatMs, formatOffset } from './format.js';
import { describePlot, pathOf, scaleOf, spreadOf, type PlotPoint } from './vitals-words.js';
import type { Part } from './watch.js';

const TICK_MS = 500;
const WINDOW_MS = 60_000;
/** What nobody sees or hears, in milliseconds: shaded in the plot. */
const BAND_MS = 25;
/** What is read to those who do not see the plot changes no more often, in milliseconds. */
const DESCRIBE_MS = 10_000;
const [WIDTH, HEIGHT] = [240, 60];

const STATES: Record<ConnectionInfo['state'], string> = {
  connecting: 'Connecting…',
  connected: 'Connected',
  reconnecting: 'Reconnecting…',
  closed: 'Closed',
};

/** How the connection, the clock and the player do: in one line, and in full below it. */
export class Vitals {
  readonly #part: Part;
  readonly #sync: Synchronised;
  readonly #connection = byId('connection-state', HTMLSpanElement);
  readonly #figures = byId('figures', HTMLSpanElement);
  readonly #details = byId('vitals', HTMLDetailsElement);
  readonly #list = byId('vitals-list', HTMLDListElement);
  readonly #plot = byId('plot', SVGSVGElement);
  readonly #spark = byId('spark', SVGSVGElement);
  readonly #scale = byId('plot-scale', HTMLSpanElement);
  readonly #rows = new Map<string, HTMLElement>();
  #points: PlotPoint[] = [];
  #describedAt = -Infinity;

  constructor(part: Part, sync: Synchronised) {
    this.#part = part;
    this.#sync = sync;
    this.#list.replaceChildren();
    for (const svg of [this.#plot, this.#spark]) {
      svg.replaceChildren(
        makeSvg('rect', { class: 'band', x: 0, width: WIDTH }),
        makeSvg('line', { class: 'zero', x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }),
        makeSvg('path', { class: 'curve' }),
      );
    }
    part.room.on('connection', () => this.#tick());
    this.#details.addEventListener('toggle', () => this.#tick(), { signal: part.signal });
    const ticking = setInterval(() => this.#tick(), TICK_MS);
    part.signal.addEventListener('abort', () => clearInterval(ticking));
    this.#tick();
  }

  #tick(): void {
    const { room } = this.#part;
    const { state, why } = room.connection;
    const connected = state === 'connected';
    const { buffering, blocked, offsetMs } = this.#sync.stats;
    // Without a connection nobody knows where the room is: what is measured then is told to nobody.
    const offset = connected ? offsetMs : undefined;
    const spread = connected ? spreadOf(room.state, offset) : undefined;

    setText(this.#connection, STATES[state]);
    setAttribute(this.#connection, 'data-state', state);
    const figures = [
      offset !== undefined && `offset ${formatOffset(offset)}`,
      spread !== undefined && `room within ${formatMs(spread)}`,
      buffering && 'buffering',
      blocked && 'sound blocked by the browser',
      connected && why,
    ].filter(Boolean);
    setText(this.#figures, figures.join(' · '));

    this.#record(offset);
    this.#draw(this.#details.open ? this.#plot : this.#spark);
    if (!this.#details.open) return;
    const { clock } = room;
    this.#row('Connection', connected ? (why ?? STATES[state]) : STATES[state]);
    this.#row('My offset', offset === undefined ? '–' : formatOffset(offset));
    this.#row('The room’s spread', spread === undefined ? '–' : formatMs(spread));
    // A clock that is being corrected can make it seem shorter than nothing.
    this.#row('Round trip', connected && clock.rttMs !== undefined ? formatMs(Math.max(0, clock.rttMs)) : '–');
    this.#row('Clock', connected && Number.isFinite(clock.errorMs) ? `±${formatMs(clock.errorMs)}` : '–');
    this.#describe();
  }

  #record(offset: number | undefined): void {
    const at = performance.now();
    this.#points = this.#points.filter((p) => at - p.at <= WINDOW_MS);
    this.#points.push({ at, offset });
  }

  #draw(svg: SVGSVGElement): void {
    const scale = scaleOf(this.#points);
    setText(this.#scale, String(scale));
    const band = (HEIGHT * BAND_MS) / scale;
    const [shade, curve] = [svg.querySelector('.band'), svg.querySelector('.curve')];
    setAttribute(shade, 'y', String((HEIGHT - band) / 2));
    setAttribute(shade, 'height', String(band));
    setAttribute(curve, 'd', pathOf(this.#points, performance.now(), WINDOW_MS, scale, WIDTH, HEIGHT));
  }

  #describe(): void {
    const now = performance.now();
    if (now - this.#describedAt < DESCRIBE_MS) return;
    this.#describedAt = now;
    setAttribute(this.#plot, 'aria-label', describePlot(this.#points));
  }

  #row(name: string, value: string): void {
    let cell = this.#rows.get(name);
    if (!cell) {
      cell = make('dd');
      this.#rows.set(name, cell);
      this.#list.append(make('dt', {}, name), cell);
    }
    setText(cell, value);
  }
}
