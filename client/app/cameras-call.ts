import type { Room, RoomState } from '@tandem.watch/client';
import { CameraPeer, type Kind, type PeerConnection, type Reach, type Tracks } from './cameras-peer.js';
import type { Timers } from './cameras-timers.js';
import { fromSignal, toSignal, type Message } from './cameras-wire.js';

/** How many cameras are on at once: each sends its picture to everybody in the call. */
export const MOST_CAMERAS = 6;
/** How many are in a call, with or without a camera: each is connected with each. */
export const MOST_IN_CALL = 12;
/** How large a room may be: whoever is in the call tells everybody else so. */
export const MOST_MEMBERS = 30;

/** How often whoever is in the call says so, in milliseconds: what got lost is made good by then. */
const REPEAT_MS = 10_000;
/** Who was not heard of for so long, and is not connected, is not in the call any more. Hidden pages are slow. */
const FORGET_MS = 75_000;

/** What the call needs of a room. */
export type CallRoom = Pick<Room, 'state' | 'clock' | 'connection' | 'iceServers' | 'on' | 'signal'>;

export interface CallOptions {
  readonly room: CallRoom;
  readonly timers: Timers;
  connect(configuration: RTCConfiguration): PeerConnection;
  /** Something that the call shows has changed. */
  changed(): void;
  /** The own camera is not sent any more: others were first, and there may be no more. Its track is the caller's to stop. */
  cameraRefused(track: MediaStreamTrack): void;
}

/** Somebody else in the call. */
export interface Participant {
  readonly member: string;
  readonly camera: boolean;
  readonly microphone: boolean;
  /** Undefined while this page is not in the call itself. */
  readonly reach: Reach | undefined;
  readonly tracks: Readonly<Partial<Record<Kind, MediaStreamTrack>>>;
}

/** What is known of somebody else in the call. */
interface Other {
  readonly call: string;
  camera: number | undefined;
  microphone: boolean;
  heardAt: number;
  peer: CameraPeer | undefined;
}

/** Why somebody cannot come into the call. */
export type Refusal = 'room_too_large' | 'call_full';

/**
 * The members of a room who see and hear each other, each connected with each. Who is in it is told by signals of the
 * room, to every member; a page that is not in it knows who is, and sends nothing and connects with nobody.
 */
export class CameraCall {
  readonly #options: CallOptions;
  readonly #others = new Map<string, Other>();
  readonly #stops: (() => void)[];
  /** The own call's name, while in it. */
  #call: string | undefined;
  #self = '';
  #tracks: Tracks = { audio: null, video: null };
  #cameraSince: number | undefined;
  #timer: unknown;
  #here = new Set<string>();
  #away = new Set<string>();
  #connected = true;

  constructor(options: CallOptions) {
    this.#options = options;
    const { room } = options;
    this.#noteMembers(room.state);
    this.#stops = [
      room.on('signal', ({ from, data }) => this.#receive(from, data)),
      room.on('state', (state) => this.#membersChanged(state)),
      room.on('connection', ({ state }) => this.#connectionChanged(state === 'connected')),
    ];
  }

  /** Whether this page is in the call. */
  get joined(): boolean {
    return this.#call !== undefined;
  }

  get camera(): MediaStreamTrack | null {
    return this.#tracks.video;
  }

  get microphone(): MediaStreamTrack | null {
    return this.#tracks.audio;
  }

  /** The others in the call. */
  get participants(): readonly Participant[] {
    return [...this.#others].map(([member, { camera, microphone, peer }]) => ({
      member,
      camera: camera !== undefined,
      microphone,
      reach: peer?.reach,
      tracks: peer?.remote ?? {},
    }));
  }

  /** How many others have their camera on. */
  get camerasOn(): number {
    return [...this.#others.values()].filter((o) => o.camera !== undefined).length;
  }

  /** Why this page cannot come into the call now; undefined when it can, or is there. */
  get refusal(): Refusal | undefined {
    if (this.joined) return undefined;
    if (this.#options.room.state.memberCount > MOST_MEMBERS) return 'room_too_large';
    return this.#others.size >= MOST_IN_CALL ? 'call_full' : undefined;
  }

  /** Comes into the call, with nothing on, unless there is a refusal. */
  join(): void {
    if (!this.joined && !this.refusal) this.#restart(this.#options.room.state.self);
  }

  /** Sends this from now on, to everybody in the call; null sends nothing. The track stays the caller's to stop. */
  setTrack(kind: Kind, track: MediaStreamTrack | null): void {
    this.#tracks = { ...this.#tracks, [kind]: track };
    if (kind === 'video') this.#cameraSince = track ? this.#options.room.clock.now() : undefined;
    for (const { peer } of this.#others.values()) peer?.send(this.#tracks);
    this.#tellAll();
    this.#options.changed();
  }

  /** Leaves the call; the tracks stay the caller's to stop. */
  leave(): void {
    const call = this.#call;
    if (call === undefined) return;
    for (const other of this.#others.values()) {
      other.peer?.close();
      other.peer = undefined;
    }
    this.#call = undefined;
    this.#tracks = { audio: null, video: null };
    this.#cameraSince = undefined;
    for (const member of this.#members()) this.#send(member, { type: 'gone', call });
    this.#options.changed();
  }

  /** Leaves the call, and lets go of the room. */
  stop(): void {
    this.leave();
    for (const stop of this.#stops) stop();
    this.#options.timers.clearTimeout(this.#timer);
    this.#others.clear();
  }

  // Telling.

  #members(): readonly string[] {
    const { self, members } = this.#options.room.state;
    return members.slice(0, MOST_MEMBERS).flatMap(({ id }) => (id === self ? [] : [id]));
  }

  #send(member: string, message: Message): void {
    this.#options.room.signal(member, toSignal(message));
  }

  #tell(member: string): void {
    if (this.#call === undefined) return;
    this.#send(member, {
      type: 'here',
      call: this.#call,
      with: this.#others.get(member)?.call,
      microphone: this.#tracks.audio !== null,
      camera: this.#cameraSince,
    });
  }

  #tellAll(): void {
    if (!this.joined) return;
    for (const member of this.#members()) this.#tell(member);
    this.#repeat();
  }

  /** In the call, tells everybody again in a while; and forgets who fell silent. */
  #repeat(): void {
    const { timers } = this.#options;
    timers.clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.joined && this.#others.size === 0) return;
    this.#timer = timers.setTimeout(() => {
      const old = timers.now() - FORGET_MS;
      for (const [member, { heardAt, peer }] of this.#others) {
        if (heardAt < old && peer?.reach !== 'connected') this.#forget(member);
      }
      if (this.joined) this.#tellAll();
      else this.#repeat();
    }, REPEAT_MS);
  }

  // Hearing.

  #receive(from: string, data: unknown): void {
    const message = fromSignal(data);
    if (!message || !this.#here.has(from)) return;
    const other = this.#others.get(from);
    switch (message.type) {
      case 'here':
        return this.#heard(from, message);
      case 'gone':
        if (other?.call === message.call) this.#forget(from);
        return;
      case 'negotiate':
        if (other?.call === message.call && message.with === this.#call) void other.peer?.receive(message);
    }
  }

  #heard(from: string, { call, with: own, microphone, camera }: Extract<Message, { type: 'here' }>): void {
    let other = this.#others.get(from);
    if (other?.call !== call) {
      this.#forget(from);
      if (this.#others.size >= MOST_MEMBERS) return;
      this.#others.set(from, (other = { call, camera, microphone, heardAt: 0, peer: undefined }));
    }
    Object.assign(other, { camera, microphone, heardAt: this.#options.timers.now() });
    if (this.joined) {
      // First who answers is known there, then there is something to negotiate.
      if (own !== this.#call) this.#tell(from);
      this.#connect(from, other);
      this.#yield();
    } else if (own !== undefined) {
      // It takes this page for the one that was here before a reload.
      this.#send(from, { type: 'gone', call: own });
    }
    if (this.#timer === undefined) this.#repeat();
    this.#options.changed();
  }

  #connect(member: string, other: Other): void {
    const call = this.#call;
    const connected = [...this.#others.values()].filter((o) => o.peer).length;
    if (other.peer || call === undefined || connected >= MOST_IN_CALL - 1) return;
    const { room, timers, connect, changed } = this.#options;
    other.peer = new CameraPeer({
      connection: connect({ iceServers: [...room.iceServers] }),
      polite: room.state.self < member,
      tracks: this.#tracks,
      timers,
      send: (negotiation) => this.#send(member, { type: 'negotiate', call, with: other.call, ...negotiation }),
      changed,
    });
  }

  /** Of too many cameras the last ones go off again. */
  #yield(): void {
    const own = this.#cameraSince;
    const track = this.#tracks.video;
    if (own === undefined || !track) return;
    const { self } = this.#options.room.state;
    const earlier = [...this.#others].filter(([member, { camera }]) => {
      return camera !== undefined && (camera < own || (camera === own && member < self));
    });
    if (earlier.length < MOST_CAMERAS) return;
    this.setTrack('video', null);
    this.#options.cameraRefused(track);
  }

  #forget(member: string): void {
    const other = this.#others.get(member);
    if (!other) return;
    other.peer?.close();
    this.#others.delete(member);
    this.#options.changed();
  }

  // Coming and going.

  #noteMembers({ members, presence }: RoomState): void {
    this.#here = new Set(members.map((m) => m.id));
    this.#away = new Set([...presence.values()].filter((p) => p.away).map((p) => p.member));
  }

  #membersChanged(state: RoomState): void {
    const [here, away] = [this.#here, this.#away];
    this.#noteMembers(state);
    for (const member of this.#others.keys()) if (!this.#here.has(member)) this.#forget(member);
    if (!this.joined) return;
    if (state.self !== this.#self) return this.#restart(state.self);
    for (const member of this.#members()) {
      const back = away.has(member) && !this.#away.has(member);
      if (back || !here.has(member)) this.#tell(member);
      // Signals to it were lost meanwhile.
      if (back) this.#others.get(member)?.peer?.retry(this.#options.room.iceServers);
    }
  }

  /** Begins a call of its own name: on coming in, and when an expired seat made this page another member. */
  #restart(self: string): void {
    this.#self = self;
    this.#call = this.#options.timers.unique();
    for (const [member, other] of this.#others) {
      other.peer?.close();
      other.peer = undefined;
      this.#connect(member, other);
    }
    this.#tellAll();
    this.#options.changed();
  }

  #connectionChanged(connected: boolean): void {
    const back = connected && !this.#connected;
    this.#connected = connected;
    if (!back) return;
    this.#tellAll();
    // Signals of both sides were lost meanwhile, and the servers' passwords may be new.
    for (const { peer } of this.#others.values()) peer?.retry(this.#options.room.iceServers);
  }
}
