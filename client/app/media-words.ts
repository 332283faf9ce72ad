import type { Media } from '@tandem.watch/client';
import { decode } from './links.js';

/** Copies of a file whose durations differ by more are hardly the same, in milliseconds. */
const SAME_LENGTH_MS = 1_000;

/** What a media is called. */
export function titleOf(media: Media): string {
  if (media.title) return media.title;
  switch (media.kind) {
    case 'clip':
      return 'The test clip';
    case 'file':
      return 'A file that everybody has';
    case 'url':
      return nameIn(media.url ?? '') || 'A video';
  }
}

/** Where a media comes from, in a few words. */
export function sourceOf(media: Media): string {
  switch (media.kind) {
    case 'clip':
      return 'Picture and sound to see how close together you are';
    case 'file':
      return 'Everybody plays their own copy';
    case 'url':
      return `From ${hostIn(media.url ?? '')}`;
  }
}

/** Why two copies are perhaps not the same film; undefined when they may well be. Durations are in milliseconds. */
export function lengthsDiffer(ownMs: number, othersMs: number | undefined): string | undefined {
  if (othersMs === undefined || !Number.isFinite(ownMs) || Math.abs(ownMs - othersMs) <= SAME_LENGTH_MS) return undefined;
  const seconds = Math.round(Math.abs(ownMs - othersMs) / 1000);
  const apart = seconds >= 120 ? `${Math.round(seconds / 60)} minutes` : `${seconds} s`;
  const how = ownMs > othersMs ? 'longer' : 'shorter';
  return `Your copy is ${apart} ${how} than the one that was chosen: it may be another cut, and run apart.`;
}

function nameIn(url: string): string {
  try {
    const { pathname, host } = new URL(url);
    const last = pathname.split('/').filter(Boolean).at(-1);
    return last === undefined ? host : decode(last);
  } catch {
    return '';
  }
}

function hostIn(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return 'nowhere';
  }
}
