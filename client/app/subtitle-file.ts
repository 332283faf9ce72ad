/** One subtitle: its times in seconds, its text as WebVTT knows it. */
export interface Cue {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** How large a file may be, in bytes, how many cues are taken from it, and how much text each may have. */
export const MAX_BYTES = 4 * 1024 * 1024;
const MAX_CUES = 20_000;
const MAX_TEXT = 2_000;

const TIMES = /^\s*((?:\d+:)?\d{1,2}:\d{1,2}[.,]\d{1,3})\s*-->\s*((?:\d+:)?\d{1,2}:\d{1,2}[.,]\d{1,3})/;

/**
 * Reads a file of subtitles: WebVTT (W3C, section 6.1), or SubRip, which differs in its decimal comma and markup. What
 * is no cue is passed over, as browsers do; so are styles, regions and cue settings. Tags other than those of WebVTT
 * for bold, italic and underlined text are left out, so nothing in a file can be more than text.
 */
export function parseSubtitles(file: string): Cue[] {
  const cues: Cue[] = [];
  const lines = file.replace(/^\uFEFF/, '').replaceAll('\0', '\uFFFD').split(/\r\n|\r|\n/);
  for (let i = 0; i < lines.length && cues.length < MAX_CUES; i++) {
    const times = TIMES.exec(lines[i] ?? '');
    if (!times) continue;
    const text: string[] = [];
    while (lines[i + 1]?.trim() && !TIMES.test(lines[i + 1] ?? '')) text.push(lines[++i] ?? '');
    const [start, end] = [secondsOf(times[1]), secondsOf(times[2])];
    const shown = plainMarkup(text.join('\n').slice(0, MAX_TEXT)).trim();
    if (end > start && shown !== '') cues.push({ start, end, text: shown });
  }
  return cues.sort((a, b) => a.start - b.start);
}

function secondsOf(time = ''): number {
  return time
    .replace(',', '.')
    .split(':')
    .reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** Keeps b, i and u; drops every other tag, and what SubRip files put into braces. */
function plainMarkup(text: string): string {
  return text.replace(/\{\\[^}]*\}/g, '').replace(/<(\/?)([a-z]*)[^>]*>?/gi, (_, slash: string, name: string) => {
    const tag = name.toLowerCase();
    return tag === 'b' || tag === 'i' || tag === 'u' ? `<${slash}${tag}>` : '';
  });
}
