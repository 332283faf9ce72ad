import type { RoomState } from '@tandem.watch/client';
import {
  CameraCall,
  MOST_CAMERAS,
  MOST_IN_CALL,
  MOST_MEMBERS,
  type CallRoom,
  type Participant,
  type Refusal,
} from './cameras-call.js';
import { explainDevice, openDevice } from './cameras-devices.js';
import type { Kind } from './cameras-peer.js';
import { Tiles } from './cameras-tiles.js';
import { browserTimers } from './cameras-timers.js';
import { byId, make, setText } from './dom.js';

const REFUSALS: Record<Refusal, string> = {
  room_too_large: `Cameras are for rooms of up to ${MOST_MEMBERS} people: this one is larger.`,
  call_full: `The cameras are full: ${MOST_IN_CALL} people are with them already.`,
};
const CAMERAS_FULL = `${MOST_CAMERAS} cameras are on already, and there are no more than that at once. Your microphone may still be on.`;

/** Faces beside the video: everybody's own camera and microphone, off until they are turned on. */
export class Cameras {
  readonly #room: CallRoom;
  readonly #call: CameraCall;
  readonly #tiles: Tiles;
  readonly #buttons: Readonly<Record<Kind, HTMLButtonElement>> = {
    video: make('button', { type: 'button', id: 'camera-button' }),
    audio: make('button', { type: 'button', id: 'microphone-button' }),
  };
  readonly #callButton = make('button', { type: 'button', id: 'call-button' });
  readonly #note = make('p', { id: 'cameras-note', className: 'cameras-note', role: 'status' });
  readonly #over: AbortSignal;
  /** What went wrong last, until something else is done. */
  #problem = '';
  readonly #opening = new Set<Kind>();

  constructor({ room, signal }: { readonly room: CallRoom; readonly signal: AbortSignal }) {
    this.#room = room;
    this.#over = signal;
    const list = make('ul', { id: 'camera-tiles', className: 'camera-tiles', ariaLabel: 'Faces' });
    this.#tiles = new Tiles(list, signal);
    const { video, audio } = this.#buttons;
    const tools = make('div', { className: 'cameras-tools' }, video, audio, this.#callButton, this.#note);
    const section = byId('cameras', HTMLElement);
    section.replaceChildren(tools, list);
    section.hidden = false;
    this.#call = new CameraCall({
      room,
      timers: browserTimers,
      connect: (configuration) => new RTCPeerConnection(configuration),
      changed: () => this.#show(),
      cameraRefused: () => this.#say(CAMERAS_FULL),
    });
    for (const kind of ['video', 'audio'] as const) {
      this.#buttons[kind].addEventListener('click', () => void this.#toggle(kind), { signal });
    }
    this.#callButton.addEventListener('click', () => this.#joinOrLeave(), { signal });
    // Others need not wait until they notice.
    addEventListener('pagehide', () => this.#leave(), { signal });
    const stop = room.on('state', () => this.#show());
    signal.addEventListener('abort', () => {
      stop();
      this.#leave();
      this.#call.stop();
    });
    this.#show();
  }

  async #toggle(kind: Kind): Promise<void> {
    const call = this.#call;
    this.#say('');
    const track = this.#trackOf(kind);
    if (track) {
      this.#release(kind);
      return;
    }
    if (kind === 'video' && call.camerasOn >= MOST_CAMERAS) return this.#say(CAMERAS_FULL);
    if (call.refusal) return this.#say(REFUSALS[call.refusal]);
    if (this.#opening.has(kind)) return;
    this.#opening.add(kind);
    try {
      const opened = await openDevice(kind);
      // The answer to the browser's question may come late.
      if (!this.#over.aborted) call.join();
      if (!call.joined) return opened.stop();
      opened.addEventListener('ended', () => {
        if (this.#trackOf(kind) !== opened) return;
        this.#release(kind);
        this.#say(`The ${kind === 'video' ? 'camera' : 'microphone'} was unplugged, or taken away by the browser.`);
      });
      call.setTrack(kind, opened);
    } catch (error) {
      this.#say(explainDevice(kind, error));
    } finally {
      this.#opening.delete(kind);
    }
  }

  #joinOrLeave(): void {
    this.#say('');
    const { joined, refusal } = this.#call;
    if (joined) this.#leave();
    else if (refusal) this.#say(REFUSALS[refusal]);
    else this.#call.join();
  }

  #leave(): void {
    const tracks = [this.#call.camera, this.#call.microphone];
    this.#call.leave();
    for (const track of tracks) track?.stop();
  }

  #trackOf(kind: Kind): MediaStreamTrack | null {
    return kind === 'video' ? this.#call.camera : this.#call.microphone;
  }

  /** Turns a device off, its light too. */
  #release(kind: Kind): void {
    const track = this.#trackOf(kind);
    this.#call.setTrack(kind, null);
    track?.stop();
  }

  #say(problem: string): void {
    this.#problem = problem;
    this.#show();
  }

  #show(): void {
    const { state } = this.#room;
    const { joined, camera, microphone } = this.#call;
    const others = this.#call.participants.map((p) => ({ ...p, name: nameOf(state, p.member) }));
    setText(this.#buttons.video, camera ? 'Turn camera off' : 'Turn camera on');
    setText(this.#buttons.audio, microphone ? 'Turn microphone off' : 'Turn microphone on');
    this.#buttons.video.toggleAttribute('data-on', camera !== null);
    this.#buttons.audio.toggleAttribute('data-on', microphone !== null);
    const showing = others.filter((o) => o.camera || o.microphone);
    setText(this.#callButton, joined ? 'Leave the cameras' : 'See and hear them');
    this.#callButton.hidden = !joined && showing.length === 0;
    setText(this.#note, this.#problem || (joined ? '' : invitation(showing)));
    this.#note.toggleAttribute('data-problem', this.#problem !== '');
    const own = camera || microphone ? { member: state.self, camera, microphone: microphone !== null } : undefined;
    this.#tiles.show(own, others);
  }
}

function nameOf(state: RoomState, member: string): string {
  return state.members.find((m) => m.id === member)?.name ?? '';
}

/** Who can be seen, for somebody who is not in the call. */
function invitation(showing: readonly (Participant & { readonly name: string })[]): string {
  const [first, second] = showing;
  if (!first) return '';
  if (!second) return `${first.name} has the ${first.camera ? 'camera' : 'microphone'} on.`;
  if (showing.length === 2) return `${first.name} and ${second.name} have cameras or microphones on.`;
  return `${first.name} and ${showing.length - 1} others have cameras or microphones on.`;
}
