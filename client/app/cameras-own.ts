import { MOST_CAMERAS, MOST_IN_CALL, MOST_MEMBERS, type CameraCall, type Refusal } from './cameras-call.js';
import { explainDevice } from './cameras-devices.js';
import type { Kind } from './cameras-peer.js';

export const REFUSALS: Record<Refusal, string> = {
  room_too_large: `Cameras are for rooms of up to ${MOST_MEMBERS} people: this one is larger.`,
  call_full: `The cameras are full: ${MOST_IN_CALL} people are with them already.`,
};
export const CAMERAS_FULL = `${MOST_CAMERAS} cameras are on already, and there are no more than that at once. Your microphone may still be on.`;

export interface OwnDevicesOptions {
  readonly call: CameraCall;
  /** Asks the browser, which asks the user: the answer may come late. */
  open(kind: Kind): Promise<MediaStreamTrack>;
  /** Tells the user what went wrong; empty when nothing does. */
  say(problem: string): void;
}

/** The own camera and microphone in the call. Who leaves the call meanwhile is not brought back by a late answer. */
export class OwnDevices {
  readonly #options: OwnDevicesOptions;
  /** The questions without an answer, each by a name of its own. Who leaves wants none of them any more. */
  readonly #asked = new Map<Kind, symbol>();

  constructor(options: OwnDevicesOptions) {
    this.#options = options;
  }

  /** Turns a device on, which comes into the call, or off. */
  async toggle(kind: Kind): Promise<void> {
    const { call, open, say } = this.#options;
    say('');
    if (this.#trackOf(kind)) return this.#release(kind);
    if (kind === 'video' && call.camerasOn >= MOST_CAMERAS) return say(CAMERAS_FULL);
    if (call.refusal) return say(REFUSALS[call.refusal]);
    if (this.#asked.has(kind)) return;
    const question = Symbol(kind);
    this.#asked.set(kind, question);
    const wanted = (): boolean => this.#asked.get(kind) === question;
    try {
      const track = await open(kind);
      if (wanted()) this.#use(kind, track);
      else track.stop();
    } catch (error) {
      if (wanted()) say(explainDevice(kind, error));
    } finally {
      if (wanted()) this.#asked.delete(kind);
    }
  }

  /** Leaves the call, with everything off. */
  leave(): void {
    const { call } = this.#options;
    this.#asked.clear();
    const tracks = [call.camera, call.microphone];
    call.leave();
    for (const track of tracks) track?.stop();
  }

  #use(kind: Kind, track: MediaStreamTrack): void {
    const { call, say } = this.#options;
    // Others may have come while the browser asked.
    const { refusal } = call;
    if (refusal) {
      track.stop();
      return say(REFUSALS[refusal]);
    }
    call.join();
    track.addEventListener('ended', () => {
      if (this.#trackOf(kind) !== track) return;
      this.#release(kind);
      say(`The ${kind === 'video' ? 'camera' : 'microphone'} was unplugged, or taken away by the browser.`);
    });
    call.setTrack(kind, track);
  }

  #trackOf(kind: Kind): MediaStreamTrack | null {
    const { call } = this.#options;
    return kind === 'video' ? call.camera : call.microphone;
  }

  /** Turns a device off, its light too. */
  #release(kind: Kind): void {
    const track = this.#trackOf(kind);
    this.#options.call.setTrack(kind, null);
    track?.stop();
  }
}
