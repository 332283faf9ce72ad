import type { Member, RoomState } from '@tandem.watch/client';
import { speakOffset } from './format.js';

/** Out of step by more is told to the others, in milliseconds. */
const OUT_OF_STEP_MS = 80;
/** They are told in steps, so that the words stand still, in milliseconds. */
const STEP_MS = 50;

/** A word about a member, and the picture beside it. */
export interface Badge {
  readonly text: string;
  readonly icon?: string;
  readonly warn?: boolean;
}

/** Who a member is, and how it does. */
export function badgesOf(state: RoomState, member: Member): Badge[] {
  const badges: Badge[] = [];
  if (member.id === state.host) badges.push({ text: 'host', icon: 'host' });
  else if (member.role === 'moderator') badges.push({ text: 'moderator', icon: 'moderator' });
  if (member.id === state.self) badges.push({ text: 'you' });
  const { away, buffering, offsetMs } = state.presence.get(member.id) ?? {};
  if (away) badges.push({ text: 'reconnecting', icon: 'away', warn: true });
  else if (buffering) badges.push({ text: 'buffering', icon: 'buffering', warn: true });
  else if (state.timeline.playing && offsetMs !== undefined && Math.abs(offsetMs) > OUT_OF_STEP_MS) {
    badges.push({ text: speakOffset(Math.round(offsetMs / STEP_MS) * STEP_MS), icon: 'apart', warn: true });
  }
  return badges;
}

/** The first letter of a name, as a person sees letters. */
export function initialOf(name: string): string {
  const [first] = 'Segmenter' in Intl ? new Intl.Segmenter().segment(name) : [];
  return (first?.segment ?? [...name][0] ?? '?').toUpperCase();
}

/** A colour's hue for a member, in degrees: always the same one. */
export function hueOf(id: string): number {
  let hash = 0;
  for (const c of id) hash = (hash * 31 + (c.codePointAt(0) ?? 0)) % 360_360;
  return hash % 360;
}
