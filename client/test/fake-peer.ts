import type { Kind, PeerConnection } from '../app/cameras-peer.js';
import type { FakeTime } from './fake-time.js';

/** What a fake description says, as JSON in the place of SDP. */
interface Content {
  readonly ufrag: string;
  readonly kinds: readonly Kind[];
  /** Candidates so far: one that was lost is in the next description. */
  readonly candidates: readonly string[];
}

/** A track that does nothing but have a kind. */
export function fakeTrack(kind: Kind): MediaStreamTrack {
  return { kind } as MediaStreamTrack;
}

interface FakeTransceiver {
  readonly kind: Kind;
  direction: RTCRtpTransceiverDirection;
  readonly sender: RTCRtpSender;
  readonly receiver: RTCRtpReceiver;
}

/** The air between fake connections: two are connected when they have agreed, and know a candidate of each other. */
export class FakeAir {
  readonly all = new Set<FakePeerConnection>();
  ufrags = 0;
  /** How long an operation takes, in milliseconds: even what is known at once takes a moment, in which messages come. */
  operationMs = (): number => 1;
  /** Packets pass. */
  open = true;

  constructor(readonly time: FakeTime) {}

  connect = (configuration: RTCConfiguration): PeerConnection => {
    const made = new FakePeerConnection(this, configuration);
    this.all.add(made);
    return made as unknown as PeerConnection;
  };

  /** The other end of a connection. */
  farOf(near: FakePeerConnection): FakePeerConnection | undefined {
    if (!this.open || !near.agreed) return undefined;
    return [...this.all].find((far) => far.agreed && far.reaches(near) && near.reaches(far));
  }

  changed(): void {
    for (const one of this.all) one.judge();
  }
}

/** An `RTCPeerConnection` with the states and the order of operations of the standard, and without any media. */
export class FakePeerConnection {
  signalingState: RTCSignalingState = 'stable';
  connectionState: RTCPeerConnectionState = 'new';
  remoteDescription: RTCSessionDescriptionInit | null = null;
  onnegotiationneeded: PeerConnection['onnegotiationneeded'] = null;
  onicecandidate: PeerConnection['onicecandidate'] = null;
  onconnectionstatechange: PeerConnection['onconnectionstatechange'] = null;
  ontrack: PeerConnection['ontrack'] = null;
  readonly transceivers: FakeTransceiver[] = [];
  readonly #candidatesHeard = new Set<string>();
  #ufrag = '';
  #candidates: string[] = [];
  #local: { type: RTCSdpType; ufrag: string } | null = null;
  /** What holds if the pending offer is rolled back. */
  #before: { type: RTCSdpType; ufrag: string } | null = null;
  #needed = false;
  #restart = false;
  #chain: Promise<unknown> = Promise.resolve();

  constructor(
    readonly air: FakeAir,
    public configuration: RTCConfiguration,
  ) {}

  get localDescription(): RTCSessionDescription | null {
    if (!this.#local) return null;
    const { type, ufrag } = this.#local;
    const content: Content = { ufrag, kinds: this.transceivers.map((t) => t.kind), candidates: this.#candidates };
    return { type, sdp: JSON.stringify(content) } as RTCSessionDescription;
  }

  get agreed(): boolean {
    return this.signalingState === 'stable' && this.#local !== null && this.remoteDescription !== null;
  }

  reaches(far: FakePeerConnection): boolean {
    // One has offered, and the other has answered that.
    const heard = content(this.remoteDescription).ufrag === far.#ufrag && this.#local?.type !== far.#local?.type;
    return heard && this.#candidatesHeard.has(far.#ufrag);
  }

  addTransceiver(kind: Kind): FakeTransceiver {
    const made = this.#transceiver(kind, 'sendrecv');
    this.#need();
    return made;
  }

  getTransceivers(): FakeTransceiver[] {
    return this.transceivers;
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.configuration = configuration;
  }

  restartIce(): void {
    this.#restart = true;
    this.#need();
  }

  close(): void {
    this.signalingState = 'closed';
    this.connectionState = 'closed';
    this.air.all.delete(this);
    // The other end notices by itself, after a while.
    this.air.time.schedule(() => this.air.changed(), 2_000);
  }

  setLocalDescription(): Promise<void> {
    return this.#queue(() => {
      if (this.signalingState === 'have-remote-offer') {
        if (this.#local === null || this.#restart) this.#freshen();
        this.#local = { type: 'answer', ufrag: this.#ufrag };
        this.signalingState = 'stable';
        this.#stable();
      } else {
        if (this.signalingState === 'stable') this.#before = this.#local;
        if (this.#local === null || this.#restart) this.#freshen();
        this.#needed = false;
        this.#local = { type: 'offer', ufrag: this.#ufrag };
        this.signalingState = 'have-local-offer';
      }
      this.#restart = false;
      const candidate = this.#ufrag;
      this.air.time.schedule(() => this.#gathered(candidate), 5);
    });
  }

  setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    return this.#queue(() => {
      const { ufrag, kinds, candidates } = content(description);
      if (description.type === 'offer') {
        if (this.signalingState === 'have-local-offer') {
          // Rolled back: the offer is to be made again, and what it offered is void.
          this.#local = this.#before;
          this.#needed = this.#restart = true;
        }
        const known = content(this.remoteDescription).ufrag;
        if (known !== undefined && known !== ufrag) this.#restart = true;
        this.signalingState = 'have-remote-offer';
        for (const kind of kinds) {
          if (this.transceivers.some((t) => t.kind === kind)) continue;
          this.#transceiver(kind, 'recvonly');
        }
      } else {
        if (this.signalingState !== 'have-local-offer') throw new DOMException('wrong state', 'InvalidStateError');
        this.signalingState = 'stable';
        this.#stable();
      }
      const first = this.remoteDescription === null;
      this.remoteDescription = description;
      for (const candidate of candidates) this.#candidatesHeard.add(candidate);
      if (first) for (const { receiver } of this.transceivers) this.ontrack?.call(this as never, receiver as never);
      this.air.time.schedule(() => this.air.changed(), 10);
    });
  }

  addIceCandidate({ candidate }: RTCIceCandidateInit): Promise<void> {
    return this.#queue(() => {
      if (!this.remoteDescription) throw new DOMException('no description', 'InvalidStateError');
      this.#candidatesHeard.add(candidate ?? '');
      this.air.time.schedule(() => this.air.changed(), 10);
    });
  }

  /** Sees whether it is connected now. */
  judge(): void {
    const was = this.connectionState;
    if (was === 'closed') return;
    if (this.air.farOf(this)) this.connectionState = 'connected';
    else if (was === 'connected') this.connectionState = 'failed';
    else if (was === 'new' && this.agreed) this.connectionState = 'connecting';
    if (this.connectionState !== was) this.onconnectionstatechange?.call(this as never, new Event('change'));
  }

  #freshen(): void {
    this.#ufrag = `u${++this.air.ufrags}`;
    this.#candidates = [];
  }

  #gathered(candidate: string): void {
    if (candidate !== this.#ufrag || this.signalingState === 'closed') return;
    this.#candidates = [candidate];
    const event = { candidate: { toJSON: () => ({ candidate }) } };
    this.onicecandidate?.call(this as never, event as never);
  }

  #transceiver(kind: Kind, direction: RTCRtpTransceiverDirection): FakeTransceiver {
    const sender = {
      track: null as MediaStreamTrack | null,
      replaceTrack: (track: MediaStreamTrack | null) => {
        sender.track = track;
        return Promise.resolve();
      },
      getParameters: () => ({ encodings: [] }),
    };
    const receiver = { track: fakeTrack(kind) };
    const made = { kind, direction, sender: sender as never, receiver: receiver as never };
    this.transceivers.push(made);
    return made;
  }

  #need(): void {
    this.#needed = true;
    this.air.time.schedule(() => this.#negotiate(), 0);
  }

  #stable(): void {
    if (this.#needed) this.air.time.schedule(() => this.#negotiate(), 0);
  }

  #negotiate(): void {
    if (!this.#needed || this.signalingState !== 'stable') return;
    this.#needed = false;
    this.onnegotiationneeded?.call(this as never, new Event('negotiationneeded'));
  }

  /** Operations of a connection run one after the other. */
  #queue(run: () => void): Promise<void> {
    const done = this.#chain.then(() => {
      return new Promise<void>((resolve, reject) => {
        this.air.time.schedule(() => {
          try {
            if (this.signalingState === 'closed') return;
            resolve(run());
          } catch (error) {
            reject(error);
          }
        }, this.air.operationMs());
      });
    });
    this.#chain = done.catch(() => undefined);
    return done;
  }
}

function content(description: RTCSessionDescriptionInit | null): Partial<Content> & Pick<Content, 'kinds' | 'candidates'> {
  return description ? (JSON.parse(description.sdp ?? '') as Content) : { kinds: [], candidates: [] };
}
