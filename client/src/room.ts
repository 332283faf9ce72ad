import { ClusterClock, type ClusterTime } from './clock.js';
import { Emitter } from './emitter.js';
import type { Environment, Timer } from './environment.js';
import { TandemError } from './errors.js';
import { HistoryRequests } from './history.js';
import {
  positionAt,
  type CommandBody,
  type History,
  type IceServer,
  type Media,
  type Received,
  type Role,
  type Status,
} from './protocol/index.js';
import type { AttachedPlayer, ListenOptions, NextOptions, PlayOptions, RoomEvents, TransportInfo } from './room-types.js';
import { Replica } from './replica.js';
import { Session, type ConnectionInfo, type SessionOptions } from './session.js';
import type { RoomState } from './state.js';

export type { AttachedPlayer, ListenOptions, NextOptions, PlayOptions, RoomEvents, TransportInfo } from './room-types.js';

/** Who typed and fell silent without saying so has stopped after this time, in milliseconds. */
const TYPING_MS = 6_000;
/** How many lines of chat are fetched on entering. */
const BACKFILL = 50;

/**
 * A room that this program is a member of: an observable state and the commands that change it.
 *
 * Every command resolves with the number of its event once it is done for all and `state` shows it, and rejects with
 * a {@link TandemError}. While the connection is away commands wait, and are done exactly once when it is back.
 */
export class Room {
  /** The cluster's clock, by which timelines are stamped. */
  readonly clock: ClusterTime;
  readonly #environment: Environment;
  readonly #session: Session;
  readonly #emitter = new Emitter<RoomEvents>();
  readonly #history: HistoryRequests;
  readonly #typing = new Map<string, Timer>();
  readonly #replica = new Replica();
  #transport: TransportInfo | undefined;
  #player: AttachedPlayer | undefined;
  #iceServers: readonly IceServer[] = [];

  /** @internal Use `joinRoom` or `createRoom`. */
  constructor(options: Omit<SessionOptions, 'clock'>) {
    this.#environment = options.environment;
    this.#history = new HistoryRequests(this.#environment, (request) => this.#session.send(request));
    const clock = new ClusterClock(() => options.environment.now());
    this.clock = clock;
    this.#session = new Session(
      { ...options, clock },
      {
        message: (message) => this.#receive(message),
        connection: (info) => this.#connectionChanged(info),
        error: (error) => this.#emitter.emit('error', error),
      },
    );
  }

  /** @internal */
  join(signal?: AbortSignal): Promise<void> {
    return this.#session.join(signal);
  }

  // Observing.

  /** What is known of the room: immutable, replaced at each change. */
  get state(): RoomState {
    return this.#replica.state;
  }

  /** How the connection stands. */
  get connection(): ConnectionInfo {
    return this.#session.info;
  }

  /** The seat token. Keep it secret: `joinRoom` with it comes back to this seat within 30 s of a drop. */
  get seat(): string | undefined {
    return this.#session.seat;
  }

  /**
   * STUN and TURN servers of the gateway, for `new RTCPeerConnection({iceServers: [...room.iceServers]})`. Credentials
   * are this member's and last for a day; each connection to the gateway brings new ones.
   */
  get iceServers(): readonly IceServer[] {
    return this.#iceServers;
  }

  /** Where the room is in its media now, in seconds. */
  position(): number {
    return positionAt(this.state.timeline, this.clock.now());
  }

  /** Calls back now and at every change of the state; returns how to stop that, which aborting `signal` does too. */
  subscribe(listener: (state: RoomState) => void, options?: ListenOptions): () => void {
    listener(this.state);
    return this.on('state', listener, options);
  }

  /** Listens to one kind of event; returns how to stop that, which aborting `signal` does too. */
  on<K extends keyof RoomEvents>(
    event: K,
    listener: (value: RoomEvents[K]) => void,
    { signal }: ListenOptions = {},
  ): () => void {
    if (signal?.aborted) return () => undefined;
    const stop = this.#emitter.on(event, listener);
    signal?.addEventListener('abort', stop, { once: true });
    return () => {
      signal?.removeEventListener('abort', stop);
      stop();
    };
  }

  // Playback.

  /**
   * Starts the timeline for everybody, a short lead ahead so that all start together. Changes nothing while it plays.
   *
   * Unless told, it waits for the members to be ready when the media has not started yet, since nobody can have
   * buffered it for certain, or when the attached player has no data for the target.
   */
  play(options: PlayOptions = {}): Promise<number> {
    const target = options.position ?? this.position();
    const wait = options.wait ?? (target === 0 || this.#lacksData(target));
    return this.#submit({ type: 'play', ...defined({ position: options.position }), ...(wait && { wait }) });
  }

  /** Stops the timeline for everybody: at `position`, or where the attached player is, which stops at once. */
  pause(position?: number): Promise<number> {
    const frozen = this.#player?.freeze();
    const done = this.#submit({ type: 'pause', ...defined({ position: position ?? frozen?.position }) });
    const release = (): void => frozen?.release();
    done.then(release, release);
    return done;
  }

  /**
   * Moves the timeline to a position in seconds. `play` says whether to play from there; without it the room goes on
   * as it was. Waits for the members when the attached player has no data there, unless told.
   */
  seek(position: number, options: { readonly play?: boolean; readonly wait?: boolean } = {}): Promise<number> {
    const plays = options.play ?? this.state.timeline.playing;
    const wait = options.wait ?? (plays && this.#lacksData(position));
    return this.#submit({ type: 'seek', position, ...defined({ play: options.play }), ...(wait && { wait }) });
  }

  /** Changes the playback rate: 0.25 to 4. */
  setRate(rate: number): Promise<number> {
    return this.#submit({ type: 'rate', rate });
  }

  /** Changes what the room watches; the timeline stops at 0. */
  setMedia(media: Media): Promise<number> {
    return this.#submit({ type: 'media', media });
  }

  /** Adds to the queue of what comes next: last, or with `next` in front. Rejects with `queue_full` beyond 100 items. */
  enqueue(media: Media, options: { readonly next?: boolean } = {}): Promise<number> {
    return this.#submit({ type: 'enqueue', media, ...(options.next && { next: true }) });
  }

  /** Takes an item, named by its id, out of the queue. Rejects with `not_found` when it is no longer there. */
  unqueue(item: number): Promise<number> {
    return this.#submit({ type: 'unqueue', item });
  }

  /** Puts an item of the queue in front of another, or at the end. Rejects with `not_found` when one is not there. */
  move(item: number, before?: number): Promise<number> {
    return this.#submit({ type: 'move', item, ...defined({ before }) });
  }

  /**
   * Goes on to the next of the queue, or to a given item. However many members say so when the media is over, it
   * happens once; it changes nothing when the room watches something else by now, or nothing is queued.
   */
  next({ item, after = this.state.mediaNumber, play, wait }: NextOptions = {}): Promise<number> {
    const plays = play ?? (this.state.timeline.playing || this.state.gate !== undefined);
    return this.#submit({ type: 'next', after, ...defined({ item, play }), ...((wait ?? plays) && { wait: true }) });
  }

  /** Tells the open gate of that number that this member can play. `synchronise` does it. */
  ready(gate: number): Promise<number> {
    return this.#submit({ type: 'ready', gate });
  }

  /** Lets commands take a player into account; returns how to detach it. `synchronise` does it. */
  attachPlayer(player: AttachedPlayer): () => void {
    this.#player = player;
    return () => {
      if (this.#player === player) this.#player = undefined;
    };
  }

  // People.

  /** Adds a line to the chat: 1 to 500 characters. */
  say(text: string): Promise<number> {
    return this.#submit({ type: 'chat', text });
  }

  /** Changes the own name: 1 to 50 characters. */
  rename(name: string): Promise<number> {
    return this.#submit({ type: 'rename', name });
  }

  /** Changes the room's switches; absent ones stay, an empty PIN or title removes it. Host only. */
  changeSettings(change: {
    readonly guestControl?: boolean;
    readonly locked?: boolean;
    readonly pin?: string;
    readonly title?: string;
  }): Promise<number> {
    return this.#submit({ type: 'settings', ...change });
  }

  /** Makes another member host. Host only. */
  transferHost(member: string): Promise<number> {
    return this.#submit({ type: 'transfer', member });
  }

  /** Makes a member guest or moderator. Host only. */
  setRole(member: string, role: Exclude<Role, 'host'>): Promise<number> {
    return this.#submit({ type: 'role', member, role });
  }

  /** Removes a member; `ban` also keeps it out. Host and moderators. */
  remove(member: string, options: { readonly ban?: boolean } = {}): Promise<number> {
    return this.#submit({ type: 'remove', member, ...(options.ban && { ban: true }) });
  }

  /** Lets a banned member come again. Host and moderators. */
  unban(member: string): Promise<number> {
    return this.#submit({ type: 'unban', member });
  }

  /** Gives up the seat and closes. Closes too when the gateway cannot be told; then the seat expires by itself. */
  async leave(): Promise<void> {
    try {
      if (this.connection.state === 'connected') await this.#submit({ type: 'leave' });
    } finally {
      this.close();
    }
  }

  /** Closes without giving up the seat: `joinRoom` with the seat token comes back to it within 30 s. */
  close(): void {
    this.#session.close();
  }

  // What is not kept.

  /** Shows a reaction to everybody: an emoji. False when there is no connection to send it by. */
  react(reaction: string): boolean {
    return this.#session.send({ type: 'react', reaction });
  }

  /** Says that this member begins or stops typing. */
  typing(on: boolean): boolean {
    return this.#session.send({ type: 'typing', on });
  }

  /** Sends WebRTC signalling to one member: any JSON value of at most 32 KiB. */
  signal(to: string, data: unknown): boolean {
    return this.#session.send({ type: 'signal', to, data });
  }

  /** Reports how the player does, at most twice a second. `synchronise` does it. */
  report(status: Status): boolean {
    return this.#session.send({ type: 'status', ...status });
  }

  /**
   * Fetches the lines of chat before those in `state.chat`, at most `limit` (1 to 100), adds them there, and returns
   * them. Calls while one is under way share its outcome.
   */
  history(limit = BACKFILL): Promise<History> {
    return this.#history.fetch(limit, this.state.chat[0]?.number);
  }

  #submit(body: CommandBody): Promise<number> {
    return this.#session.submit(body);
  }

  #lacksData(position: number): boolean {
    return this.#player !== undefined && !this.#player.canPlayAt(position);
  }

  // Receiving.

  #receive(message: Received): void {
    const before = this.state;
    // Ahead of the state, so that who hears of that can use them.
    if (message.type === 'welcome') this.#iceServers = message.iceServers ?? [];
    const state = this.#replica.receive(message);
    this.#session.setPlaying(state.timeline.playing);
    if (state !== before) this.#emitter.emit('state', state);
    switch (message.type) {
      case 'welcome':
        if (message.room) this.#backfill();
        return;
      case 'snapshot':
        return this.#backfill();
      case 'events':
        for (const event of message.events) {
          this.#emitter.emit('event', event);
          if (event.type === 'chat') this.#announce(event.number);
        }
        return;
      case 'reaction':
        return this.#emitter.emit('reaction', message);
      case 'signal':
        return this.#emitter.emit('signal', message);
      case 'typing':
        return this.#expireTyping(message.member, message.on);
      case 'history':
        return this.#history.answered(message);
    }
  }

  #announce(number: number): void {
    const line = this.state.chat.find((l) => l.number === number);
    if (line) this.#emitter.emit('chat', line);
  }

  #expireTyping(member: string, on: boolean): void {
    this.#environment.clearTimeout(this.#typing.get(member));
    this.#typing.delete(member);
    if (!on) return;
    const stop = (): void => this.#receive({ type: 'typing', member, on: false });
    this.#typing.set(member, this.#environment.setTimeout(stop, TYPING_MS));
  }

  #connectionChanged(info: ConnectionInfo): void {
    this.#emitter.emit('connection', info);
    this.#tellTransport(info);
    if (info.state !== 'connected') this.#history.failed(new TandemError('unavailable', 'the connection was lost'));
    if (info.state !== 'closed') return;
    for (const timer of this.#typing.values()) this.#environment.clearTimeout(timer);
    this.#typing.clear();
  }

  #tellTransport({ state, transport, url = '', why = '' }: ConnectionInfo): void {
    const before = this.#transport;
    if (state !== 'connected' || !transport) return;
    if (before?.transport === transport && before.url === url && before.why === why) return;
    this.#transport = { transport, url, why };
    this.#emitter.emit('transport', this.#transport);
  }

  /** The newest chat, which a snapshot does not bring. */
  #backfill(): void {
    this.#history.fetchNewest(BACKFILL).catch((error: unknown) => {
      if (error instanceof TandemError) this.#emitter.emit('error', error);
    });
  }
}

/** Leaves out what is undefined, so that absent stays absent on the wire. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as never;
}
