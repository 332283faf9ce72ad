import type { BannedMember, Gate, Media, Member, QueueItem, Role, Settings, Timeline } from './room.js';

/** What every entry of the room's log has. */
interface EventBase {
  /** Its place in the log. */
  readonly number: number;
  /** When it happened, in microseconds of cluster time; never before its predecessor's. */
  readonly at: number;
  /** The member whose command caused it; absent when the room did. */
  readonly by?: string;
  /** That command's id. */
  readonly command?: number;
}

/** Why a member is gone. */
export type LeaveReason = 'left' | 'expired' | 'removed' | 'banned';

/** What changed the timeline. */
export type TimelineCause = 'play' | 'pause' | 'seek' | 'rate' | 'media' | 'release';

/** Why an item is no longer in the queue: it was played, or removed. */
export type UnqueueReason = 'played' | 'removed';

/** The details of each type of event; an event carries them in the field that its type names. */
export interface EventDetails {
  joined: Member;
  left: { readonly member: string; readonly reason: LeaveReason };
  /** The new host; an empty string when nobody is left. */
  host: { readonly member: string };
  role: { readonly member: string; readonly role: Role };
  renamed: { readonly member: string; readonly name: string };
  /** A new timeline. It closes the ready gate, if one was open. */
  timeline: Timeline & { readonly cause: TimelineCause };
  media: Media;
  /** `index`: its place, counted from 0. */
  queued: { readonly item: QueueItem; readonly index: number };
  unqueued: { readonly item: number; readonly reason: UnqueueReason };
  /** `index`: its place afterwards. */
  moved: { readonly item: number; readonly index: number };
  gate: Gate;
  ready: { readonly member: string; readonly gate: number };
  chat: { readonly member: string; readonly text: string };
  settings: Settings;
  unbanned: BannedMember;
}

/** The name of what happened. */
export type EventType = keyof EventDetails;

/** One entry of the room's log. */
export type RoomEvent = {
  [T in EventType]: EventBase & { readonly type: T } & { readonly [K in T]: EventDetails[T] };
}[EventType];
