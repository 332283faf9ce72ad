import type { Environment } from '../environment.js';
import { positionAt, type Status } from '../protocol/index.js';
import type { AttachedPlayer } from '../room.js';
import { decide, type PlayerView, type Step } from './decide.js';
import { Follower } from './follow.js';
import { Latency } from './latency.js';
import type { Player, PlayerEvent } from './player.js';
import { Starter } from './start.js';
import { StatusReporter } from './status.js';
import type { SyncedRoom, SyncOptions, SyncStats } from './types.js';

/** Seeks count against a timeline for so long, in milliseconds. */
const SEEKS_COUNT_MS = 10_000;
/** What `play()` and a seek are taken for until this device is known, in milliseconds. */
const PLAY_GUESS_MS = 70;
const SEEK_GUESS_MS = 60;

/**
 * Keeps a player where the room is. It decides anew whenever the room or the player tells something, and each decision
 * is carried out at once; the player's events lead to the next one. What it did itself it tells from what a user did
 * by what it wants: a pause while it wants to play, or a seek that it did not begin, is somebody else's.
 */
export class Synchroniser {
  readonly #room: SyncedRoom;
  readonly #player: Player;
  readonly #environment: Environment;
  readonly #options: SyncOptions;
  readonly #starter: Starter;
  readonly #reporter: StatusReporter;
  readonly #playLatency = new Latency(PLAY_GUESS_MS);
  readonly #seekLatency = new Latency(SEEK_GUESS_MS);
  readonly #stops: (() => void)[] = [];

  #doing: Step['do'] = 'wait';
  /** Whether we want it to play; its events show when a user wants otherwise. */
  #wantsPlay = false;
  /** The seek that we began, and whether somebody else began one. */
  #seeking: { readonly to: number; readonly since: number } | undefined;
  #seekingByOther = false;
  #seeks: number[] = [];
  #flushed = true;
  #soughtTo: number | undefined;
  #timeline = 0;
  #launched = false;
  #follower: Follower | undefined;
  #factor = 1;
  #offset: number | undefined;
  #frozen = 0;
  #readyFor = 0;

  constructor(room: SyncedRoom, player: Player, environment: Environment, options: SyncOptions = {}) {
    this.#room = room;
    this.#player = player;
    this.#environment = environment;
    this.#options = options;
    this.#starter = new Starter(environment, room.clock, player, this.#playLatency, {
      starting: () => this.#starting(),
      blocked: (how) => this.#blocked(how),
    });
    this.#reporter = new StatusReporter(environment, (status) => room.report(status), () => this.#status());
    this.#flushed = player.paused;
    this.#wantsPlay = !player.paused;
    this.#stops.push(
      room.on('state', () => this.#roomChanged()),
      room.attachPlayer({ canPlayAt: (position) => player.canPlayAt(position), freeze: () => this.#freeze() }),
      player.listen((event) => this.#playerTold(event)),
    );
    this.#roomChanged();
  }

  get stats(): SyncStats {
    return {
      doing: this.#doing,
      offsetMs: this.#offset === undefined ? undefined : this.#offset * 1000,
      buffering: this.#buffering,
      blocked: this.#starter.blocked,
      factor: this.#factor,
      playLatencyMs: this.#playLatency.ms,
      seekLatencyMs: this.#seekLatency.ms,
    };
  }

  /** Plays aloud again after the browser wanted a gesture: call it from a click. */
  unblock(): void {
    if (this.#starter.unblock()) this.#step();
  }

  /** Lets go of the player, and leaves it as it is, at the room's rate. */
  stop(): void {
    for (const stop of this.#stops) stop();
    this.#starter.disarm();
    this.#unfollow();
    this.#setFactor(1, true);
    this.#reporter.stop();
  }

  // What leads to a decision.

  #roomChanged(): void {
    const { timeline } = this.#room.state;
    if (timeline.number !== this.#timeline) {
      this.#timeline = timeline.number;
      this.#launched = false;
      this.#seeks = [];
      // What was measured against the old timeline says nothing about this one.
      this.#unfollow();
    }
    this.#step();
  }

  #playerTold(event: PlayerEvent): void {
    switch (event) {
      case 'emptied':
        return this.#emptied();
      case 'seeking':
        this.#seekingByOther = this.#seeking === undefined;
        break;
      case 'seeked':
        return this.#seeked();
      case 'pause':
        if (this.#wantsPlay && this.#player.paused) return this.#pausedByOther();
        break;
      case 'play':
        if (!this.#wantsPlay && !this.#player.paused) return this.#playedByOther();
        break;
      case 'waiting':
        // What is measured until it plays again says nothing.
        this.#unfollow();
        return this.#reporter.changed();
    }
    this.#step();
  }

  #emptied(): void {
    this.#starter.disarm();
    this.#unfollow();
    this.#wantsPlay = !this.#player.paused;
    this.#launched = false;
    this.#seeking = undefined;
    this.#seekingByOther = false;
    this.#soughtTo = undefined;
    this.#flushed = true;
  }

  #seeked(): void {
    if (this.#player.seeking) return;
    const own = this.#seeking;
    this.#seeking = undefined;
    this.#seekingByOther = false;
    this.#flushed = this.#player.paused;
    this.#soughtTo = own?.to;
    if (own) this.#seekLatency.add(this.#environment.now() - own.since);
    else if (this.#options.userControls) {
      const { position } = this.#player;
      return this.#command(() => this.#room.seek(position));
    }
    this.#step();
  }

  #pausedByOther(): void {
    this.#wantsPlay = false;
    this.#launched = false;
    this.#unfollow();
    if (this.#options.userControls && !this.#player.ended) {
      const { position } = this.#player;
      return this.#command(() => this.#room.pause(position));
    }
    this.#step();
  }

  #playedByOther(): void {
    this.#flushed = false;
    if (!this.#options.userControls) return this.#step();
    const { timeline } = this.#room.state;
    this.#player.pause();
    // At the end, play means from the beginning.
    const again = this.#player.ended || positionAt(timeline, this.#room.clock.now()) >= this.#player.duration;
    this.#command(() => this.#room.play(again ? { position: 0 } : {}));
  }

  /** Runs a command for the user, and leaves the player alone until the room has answered. */
  #command(run: () => Promise<number>): void {
    const { release } = this.#freeze();
    run().then(release, release);
  }

  #freeze(): ReturnType<AttachedPlayer['freeze']> {
    this.#frozen++;
    this.#starter.disarm();
    const moves = !this.#player.paused && !this.#player.seeking;
    if (moves) this.#pause();
    let released = false;
    return {
      ...(moves && { position: this.#player.position }),
      release: () => {
        if (released) return;
        released = true;
        this.#frozen--;
        this.#step();
      },
    };
  }

  // Deciding, and doing it.

  #step(): void {
    if (this.#starter.blocked === 'stopped') return this.#answerGate();
    if (this.#frozen > 0) return;
    const { state, clock } = this.#room;
    const step = decide(state.timeline, state.gate, this.#view(), this.#latencies(), clock.now());
    this.#doing = step.do;
    if (step.do !== 'start') this.#starter.disarm();
    if (step.do !== 'follow') this.#unfollow();
    switch (step.do) {
      case 'pause':
        this.#pause();
        // Its event may come late, or never if a play was pending: go on at once.
        return this.#step();
      case 'seek':
        this.#seek(step.to);
        break;
      case 'start':
        this.#starter.arm(step.at);
        break;
      case 'follow':
        this.#follow();
        break;
      case 'hold':
        this.#answerGate();
        break;
    }
    this.#reporter.changed();
  }

  #view(): PlayerView {
    const { loaded, paused, seeking, canPlay, position, duration } = this.#player;
    const since = this.#environment.now() - SEEKS_COUNT_MS;
    this.#seeks = this.#seeks.filter((at) => at > since);
    return {
      loaded,
      paused,
      seeking: seeking || this.#seeking !== undefined || this.#seekingByOther,
      canPlay,
      position,
      duration,
      flushed: this.#flushed,
      soughtTo: this.#soughtTo,
      launched: this.#launched,
      seeks: this.#seeks.length,
    };
  }

  #latencies(): { playMs: number; seekMs: number } {
    return { playMs: this.#playLatency.ms, seekMs: this.#seekLatency.ms };
  }

  #pause(): void {
    this.#wantsPlay = false;
    this.#launched = false;
    this.#unfollow();
    this.#player.pause();
  }

  #seek(to: number): void {
    const now = this.#environment.now();
    this.#seeking = { to, since: now };
    this.#seeks.push(now);
    this.#player.seek(to);
  }

  #starting(): void {
    this.#wantsPlay = true;
    this.#launched = true;
    this.#flushed = false;
    this.#soughtTo = undefined;
    this.#follow();
  }

  #blocked(how: 'silent' | 'stopped'): void {
    this.#pause();
    this.#options.onBlocked?.({ muted: how === 'silent' });
    this.#step();
  }

  #follow(): void {
    this.#doing = 'follow';
    if (this.#follower) return;
    this.#setFactor(1, false);
    this.#follower = new Follower(this.#environment, {
      offset: () => this.#offTimeline(),
      setFactor: (factor, keepPitch) => this.#setFactor(factor, keepPitch),
      measured: (offset) => this.#measured(offset),
      rejoin: () => this.#step(),
    });
  }

  /** In seconds of time, which at another rate than 1 are not those of the media. */
  #offTimeline(): number {
    const { timeline } = this.#room.state;
    return (this.#player.position - positionAt(timeline, this.#room.clock.now())) / timeline.rate;
  }

  #unfollow(): void {
    this.#follower?.stop();
    this.#follower = undefined;
    this.#starter.spoil();
    this.#offset = undefined;
  }

  #setFactor(factor: number, keepPitch: boolean): void {
    const { rate } = this.#room.state.timeline;
    this.#factor = factor;
    // At another rate than 1 the pitch would jump.
    this.#player.setRate(rate * factor, keepPitch || rate !== 1);
  }

  #measured(offset: number): void {
    this.#offset = offset;
    this.#starter.prove(offset);
    this.#reporter.changed();
  }

  /** Tells an open gate, once, that this player stands where it starts and has data. */
  #answerGate(): void {
    const { gate, self } = this.#room.state;
    if (!gate || gate.number === this.#readyFor || !gate.waiting.includes(self)) return;
    if (!this.#player.canPlay && !this.#starter.blocked) return;
    this.#readyFor = gate.number;
    // Refused or lost, the gate opens at its deadline all the same.
    this.#room.ready(gate.number).catch(() => undefined);
  }

  get #buffering(): boolean {
    const { timeline, gate } = this.#room.state;
    if (!this.#player.loaded || !(timeline.playing || gate)) return false;
    return !this.#player.canPlay && !this.#player.seeking;
  }

  #status(): Status {
    const { buffering, offsetMs, playLatencyMs, seekLatencyMs } = this.stats;
    const { rttMs } = this.#room.clock;
    return {
      ...(buffering && { buffering }),
      ...(offsetMs !== undefined && { offsetMs: round(offsetMs) }),
      ...(rttMs !== undefined && { rttMs: round(rttMs) }),
      playLatencyMs: round(playLatencyMs),
      seekLatencyMs: round(seekLatencyMs),
    };
  }
}

/** To a tenth: finer is noise. */
function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
