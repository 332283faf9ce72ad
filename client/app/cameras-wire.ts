import type { Negotiation } from './cameras-peer.js';

/** Marks a signal as one of these, beside others that a room may carry. */
const MARK = 'cameras/1';
/** An identifier's greatest length. */
const MOST_ID = 64;
/** A session description's greatest length: what a signal may carry, with room for its frame. */
const MOST_SDP = 30_000;
const MOST_CANDIDATE = 2_000;

/**
 * What pages tell each other about cameras, as signals of the room. A *call* names one page's stay among the cameras;
 * after a reload it is another.
 */
export type Message =
  /** The sender is in the call, and what it has on. Repeated every few seconds. */
  | {
      readonly type: 'here';
      readonly call: string;
      /** The receiver's call, as far as the sender knows. */
      readonly with?: string | undefined;
      readonly microphone: boolean;
      /** Since when the camera is on, in microseconds of cluster time; absent while it is off. */
      readonly camera?: number | undefined;
    }
  /** The sender's call is over. */
  | { readonly type: 'gone'; readonly call: string }
  /** WebRTC's offers, answers and candidates, from one call to another. */
  | ({ readonly type: 'negotiate'; readonly call: string; readonly with: string } & Negotiation);

/** A message as the data of a signal. */
export function toSignal(message: Message): object {
  return { app: MARK, ...message };
}

/** The message in a signal's data; undefined when there is none. Data come from other members: anything may be in it. */
export function fromSignal(data: unknown): Message | undefined {
  if (!isRecord(data) || data['app'] !== MARK) return undefined;
  const { type, call, with: other } = data;
  if (!isId(call) || (other !== undefined && !isId(other))) return undefined;
  switch (type) {
    case 'here': {
      const { microphone, camera } = data;
      if (camera !== undefined && !Number.isFinite(camera)) return undefined;
      return { type, call, with: other, microphone: microphone === true, camera: camera as number | undefined };
    }
    case 'gone':
      return { type, call };
    case 'negotiate': {
      const negotiation = { description: toDescription(data['description']), candidate: toCandidate(data['candidate']) };
      if (other === undefined || (!negotiation.description && !negotiation.candidate)) return undefined;
      return { type, call, with: other, ...negotiation };
    }
    default:
      return undefined;
  }
}

function toDescription(value: unknown): RTCSessionDescriptionInit | undefined {
  if (!isRecord(value) || typeof value['sdp'] !== 'string' || value['sdp'].length > MOST_SDP) return undefined;
  const { type, sdp } = value;
  return type === 'offer' || type === 'answer' ? { type, sdp } : undefined;
}

function toCandidate(value: unknown): RTCIceCandidateInit | undefined {
  if (!isRecord(value) || typeof value['candidate'] !== 'string' || value['candidate'].length > MOST_CANDIDATE) {
    return undefined;
  }
  const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = value;
  return {
    candidate,
    sdpMid: typeof sdpMid === 'string' ? sdpMid : null,
    sdpMLineIndex: typeof sdpMLineIndex === 'number' ? sdpMLineIndex : null,
    usernameFragment: typeof usernameFragment === 'string' ? usernameFragment : null,
  };
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MOST_ID;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
