import type { Timers } from './cameras-timers.js';

/** A picture as large as a tile needs, in bits a second: the sender pays it once for each of the others. */
const MOST_VIDEO_BITRATE = 300_000;
/** How long a connection may take before what was said is said again, in milliseconds; doubled with each try… */
const REPAIR_MS = 4_000;
/** …up to this… */
const MOST_REPAIR_MS = 30_000;
/** …and so often. Then no way leads there, until the other side comes back or the network changes. */
const MOST_REPAIRS = 6;

/** The part of the browser's `RTCPeerConnection` that is used. */
export type PeerConnection = Pick<
  RTCPeerConnection,
  | 'addIceCandidate'
  | 'addTransceiver'
  | 'close'
  | 'connectionState'
  | 'getTransceivers'
  | 'localDescription'
  | 'onconnectionstatechange'
  | 'onicecandidate'
  | 'onnegotiationneeded'
  | 'ontrack'
  | 'remoteDescription'
  | 'restartIce'
  | 'setConfiguration'
  | 'setLocalDescription'
  | 'setRemoteDescription'
  | 'signalingState'
>;

/** What two sides tell each other to connect. */
export interface Negotiation {
  readonly description?: RTCSessionDescriptionInit | undefined;
  readonly candidate?: RTCIceCandidateInit | undefined;
}

export type Kind = 'audio' | 'video';

/** The own tracks, by kind; null is off. */
export type Tracks = Readonly<Record<Kind, MediaStreamTrack | null>>;

/** How the connection stands: `unreachable` means that several tries led nowhere. */
export type Reach = 'connecting' | 'connected' | 'unreachable';

export interface PeerOptions {
  readonly connection: PeerConnection;
  /** Of two sides exactly one is polite: it gives way when both offer at once. The other one calls. */
  readonly polite: boolean;
  readonly tracks: Tracks;
  readonly timers: Timers;
  /** Sends to the other side. It may get lost. */
  send(negotiation: Negotiation): void;
  /** `reach` or `remote` has changed. */
  changed(): void;
}

/**
 * The connection with one other member, by perfect negotiation (W3C WebRTC 1.0, section 10.7), over signalling that
 * may lose messages: what was not answered is said again.
 *
 * Both directions of sound and picture are negotiated once, by the impolite side; turning a camera on or off only
 * replaces a track.
 */
export class CameraPeer {
  readonly #options: PeerOptions;
  readonly #connection: PeerConnection;
  readonly #remote: Partial<Record<Kind, MediaStreamTrack>> = {};
  #tracks: Tracks;
  #makingOffer = false;
  #settingAnswer = false;
  #repairs = 0;
  #timer: unknown;
  #closed = false;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#tracks = options.tracks;
    const connection = (this.#connection = options.connection);
    connection.onnegotiationneeded = () => void this.#offer();
    connection.onicecandidate = ({ candidate }) => candidate && options.send({ candidate: candidate.toJSON() });
    connection.onconnectionstatechange = () => this.#connectionChanged();
    connection.ontrack = ({ track }) => {
      this.#remote[track.kind as Kind] = track;
      options.changed();
    };
    if (!options.polite) {
      connection.addTransceiver('audio', { direction: 'sendrecv' });
      connection.addTransceiver('video', { direction: 'sendrecv' });
      this.#attach();
    }
    this.#watch();
  }

  get reach(): Reach {
    if (this.#connection.connectionState === 'connected') return 'connected';
    return this.#repairs < MOST_REPAIRS ? 'connecting' : 'unreachable';
  }

  /** The other side's tracks. They are there, and silent, while it has nothing on. */
  get remote(): Readonly<Partial<Record<Kind, MediaStreamTrack>>> {
    return this.#remote;
  }

  /** Sends these tracks from now on. */
  send(tracks: Tracks): void {
    this.#tracks = tracks;
    this.#attach();
  }

  /** Takes in what the other side sent. What makes no sense, or no sense any more, is ignored. */
  async receive({ description, candidate }: Negotiation): Promise<void> {
    try {
      if (description) await this.#describe(description);
      // One that fails belongs to an offer that was lost or ignored: the next description has it again.
      else if (candidate) await this.#connection.addIceCandidate(candidate);
    } catch {
      // It answers an offer that was said twice, or is rubbish from another member: no fault of this page.
    }
  }

  /** Either side may have missed something, or there may be another way now: starts to try again, by these servers. */
  retry(iceServers: readonly RTCIceServer[]): void {
    if (this.#closed) return;
    this.#connection.setConfiguration({ iceServers: [...iceServers] });
    this.#repairs = 0;
    this.#repair();
    this.#watch();
    this.#options.changed();
  }

  close(): void {
    this.#closed = true;
    this.#options.timers.clearTimeout(this.#timer);
    const connection = this.#connection;
    connection.onnegotiationneeded = connection.onicecandidate = null;
    connection.onconnectionstatechange = connection.ontrack = null;
    connection.close();
  }

  async #offer(): Promise<void> {
    try {
      this.#makingOffer = true;
      await this.#connection.setLocalDescription();
      this.#sendDescription();
    } catch {
      // The other side's offer was first, or the connection is closed.
    } finally {
      this.#makingOffer = false;
    }
  }

  async #describe(description: RTCSessionDescriptionInit): Promise<void> {
    const connection = this.#connection;
    const offered = description.type === 'offer';
    const free = !this.#makingOffer && (connection.signalingState === 'stable' || this.#settingAnswer);
    if (offered && !free && !this.#options.polite) return;
    this.#settingAnswer = !offered;
    try {
      await connection.setRemoteDescription(description);
    } finally {
      this.#settingAnswer = false;
    }
    if (!offered) return;
    for (const transceiver of connection.getTransceivers()) transceiver.direction = 'sendrecv';
    this.#attach();
    await connection.setLocalDescription();
    this.#sendDescription();
  }

  #sendDescription(): void {
    const { localDescription } = this.#connection;
    if (!localDescription || this.#closed) return;
    const { type, sdp } = localDescription;
    this.#options.send({ description: { type, sdp } });
  }

  #attach(): void {
    for (const { sender, receiver } of this.#connection.getTransceivers()) {
      const kind = receiver.track.kind as Kind;
      if (sender.track !== this.#tracks[kind]) void sender.replaceTrack(this.#tracks[kind]).catch(() => undefined);
      if (kind === 'video') void limit(sender);
    }
  }

  #connectionChanged(): void {
    const { connectionState } = this.#connection;
    if (connectionState === 'connected') {
      this.#repairs = 0;
      this.#attach();
    }
    if (connectionState === 'failed') this.#repair();
    this.#watch();
    this.#options.changed();
  }

  /** Says again what was not answered, or looks for another way. */
  #repair(): void {
    const { connectionState, signalingState, remoteDescription } = this.#connection;
    if (signalingState === 'have-local-offer') this.#sendDescription();
    // Whoever was never called waits for the call.
    else if (signalingState === 'stable' && connectionState !== 'connected' && remoteDescription) {
      this.#connection.restartIce();
    }
  }

  /** Sees to it that a connection that is none is repaired. */
  #watch(): void {
    const { timers, changed } = this.#options;
    timers.clearTimeout(this.#timer);
    if (this.#closed || this.reach !== 'connecting') return;
    const wait = Math.min(MOST_REPAIR_MS, REPAIR_MS * 2 ** this.#repairs);
    this.#timer = timers.setTimeout(() => {
      this.#repairs++;
      this.#repair();
      this.#watch();
      if (this.reach === 'unreachable') changed();
    }, wait);
  }
}

/** Keeps a picture from taking more of the uplink than a tile is worth. */
async function limit(sender: RTCRtpSender): Promise<void> {
  const parameters = sender.getParameters();
  const [encoding] = parameters.encodings;
  // Before the first negotiation there is none.
  if (!encoding || encoding.maxBitrate === MOST_VIDEO_BITRATE) return;
  encoding.maxBitrate = MOST_VIDEO_BITRATE;
  await sender.setParameters(parameters).catch(() => undefined);
}
