import type { Kind } from './cameras-peer.js';

/** A camera for a tile: small, and upright on phones too. */
const VIDEO: MediaTrackConstraints = {
  width: { ideal: 320 },
  height: { ideal: 240 },
  frameRate: { ideal: 20, max: 30 },
  facingMode: 'user',
};
const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Asks the browser, which asks the user. Rejects with what {@link explainDevice} puts into words. */
export async function openDevice(kind: Kind): Promise<MediaStreamTrack> {
  // Pages over plain http have no devices at all.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices?.getUserMedia) throw new DOMException('no devices here', 'InsecureContextError');
  const stream = await devices.getUserMedia(kind === 'video' ? { video: VIDEO } : { audio: AUDIO });
  const [track] = stream.getTracks();
  if (!track) throw new DOMException('no track', 'NotFoundError');
  return track;
}

/** Why there is no camera or no microphone, and what to do about it. */
export function explainDevice(kind: Kind, error: unknown): string {
  const { name = '', message = '' } = (error ?? {}) as Partial<DOMException>;
  const device = kind === 'video' ? 'camera' : 'microphone';
  switch (name) {
    case 'InsecureContextError':
      return `Browsers give a ${device} to pages over https only, and this one came over http. Open the room by its https address.`;
    case 'NotAllowedError':
      if (/system/i.test(message)) {
        return `This computer does not let the browser use the ${device}. Allow it in the privacy settings of the system.`;
      }
      if (/dismissed/i.test(message)) return `The question for the ${device} was closed without an answer. Try again.`;
      return `The ${device} is not allowed here. Allow it beside the address of this page, then try again.`;
    case 'SecurityError':
      return `The settings of this browser, or of its owner, turn the ${device} off.`;
    case 'NotFoundError':
    case 'OverconstrainedError':
      return `No ${device} was found. Plug one in, then try again.`;
    case 'NotReadableError':
    case 'AbortError':
      return `The ${device} does not start: another program may be using it. Close that, then try again.`;
    default:
      return `The ${device} does not start${message ? ` (${message})` : ''}.`;
  }
}
