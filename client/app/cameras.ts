import type { RoomState } from '@tandem.watch/client';
import { CameraCall, type CallRoom, type Participant } from './cameras-call.js';
import { openDevice } from './cameras-devices.js';
import { CAMERAS_FULL, OwnDevices, REFUSALS } from './cameras-own.js';
import type { Kind } from './cameras-peer.js';
import { Tiles } from './cameras-tiles.js';
import { browserTimers } from './cameras-timers.js';
import { byId, make, setText } from './dom.js';

/** Faces beside the video: everybody's own camera and microphone, off until they are turned on. */
export class Cameras {
  readonly #room: CallRoom;
  readonly #call: CameraCall;
  readonly #devices: OwnDevices;
  readonly #tiles: Tiles;
  readonly #buttons: Readonly<Record<Kind, HTMLButtonElement>> = {
    video: make('button', { type: 'button', id: 'camera-button' }),
    audio: make('button', { type: 'button', id: 'microphone-button' }),
  };
  readonly #callButton = make('button', { type: 'button', id: 'call-button' });
  readonly #note = make('p', { id: 'cameras-note', className: 'cameras-note', role: 'status' });
  /** What went wrong last, until something else is done. */
  #problem = '';

  constructor({ room, signal }: { readonly room: CallRoom; readonly signal: AbortSignal }) {
    this.#room = room;
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
      cameraRefused: (track) => {
        track.stop();
        this.#say(CAMERAS_FULL);
      },
    });
    this.#devices = new OwnDevices({ call: this.#call, open: openDevice, say: (problem) => this.#say(problem) });
    for (const kind of ['video', 'audio'] as const) {
      this.#buttons[kind].addEventListener('click', () => void this.#devices.toggle(kind), { signal });
    }
    this.#callButton.addEventListener('click', () => this.#joinOrLeave(), { signal });
    // Others need not wait until they notice.
    addEventListener('pagehide', () => this.#devices.leave(), { signal });
    const stop = room.on('state', () => this.#show());
    signal.addEventListener('abort', () => {
      stop();
      this.#devices.leave();
      this.#call.stop();
    });
    this.#show();
  }

  #joinOrLeave(): void {
    this.#say('');
    const { joined, refusal } = this.#call;
    if (joined) this.#devices.leave();
    else if (refusal) this.#say(REFUSALS[refusal]);
    else this.#call.join();
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
