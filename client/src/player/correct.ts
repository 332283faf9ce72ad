import { SEEK_BEYOND } from './decide.js';

/** What to do about a measured offset. */
export type Correction =
  /** It is as good as it can be measured. */
  | { readonly kind: 'none' }
  /** Play at `factor` times the timeline's rate for so long, once. */
  | { readonly kind: 'nudge'; readonly factor: number; readonly durationMs: number; readonly keepPitch: boolean }
  /** Stop, seek ahead, and start again on the timeline. */
  | { readonly kind: 'rejoin' };

/** Offsets in seconds. Below the first nothing is done; up to the second the nudge is too small to be heard. */
const DEAD_BAND = 0.002;
const GENTLE = 0.035;

const GENTLE_RATE = { least: 0.002, most: 0.01 };
/** Browsers ignore rates within 0.1 % of 1 while they keep the pitch, and are noisy near it. */
const BRISK_RATE = { least: 0.02, most: 0.05 };
/** How long a correction aims to take, and may take, in seconds. */
const AIM = 2;
const MOST = 4;
/** By how much leaving rate 1 while keeping the pitch sets the media clock back, in seconds, in Chromium. */
const SET_BACK = 0.018;

/**
 * Plans one open-loop correction of an offset in seconds, positive when the player is ahead. What it leaves over, the
 * next measurement finds.
 */
export function planCorrection(offset: number): Correction {
  const size = Math.abs(offset);
  if (size < DEAD_BAND) return { kind: 'none' };
  if (size > SEEK_BEYOND) return { kind: 'rejoin' };
  const keepPitch = size > GENTLE;
  const { least, most } = keepPitch ? BRISK_RATE : GENTLE_RATE;
  const remaining = keepPitch ? Math.abs(offset - SET_BACK) : size;
  const change = Math.min(most, Math.max(least, remaining / AIM));
  const durationMs = Math.min(MOST, remaining / change) * 1000;
  return { kind: 'nudge', factor: offset > 0 ? 1 - change : 1 + change, durationMs, keepPitch };
}
