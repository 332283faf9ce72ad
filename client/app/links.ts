/** A piece of a line: text, or an address that one can follow. */
export interface Piece {
  readonly text: string;
  readonly href?: string;
}

const ADDRESS = /https?:\/\/[^\s<>"']+/gi;

/** Finds the web addresses in a line. Only http and https: nothing else becomes a link. */
export function findLinks(line: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of line.matchAll(ADDRESS)) {
    // What ends the sentence is no part of the address; a closing bracket is, if it was opened there.
    let text = match[0].replace(/[.,;:!?…]+$/, '');
    if (text.endsWith(')') && !text.includes('(')) text = text.slice(0, -1);
    const href = hrefOf(text);
    if (!href) continue;
    if (match.index > from) pieces.push({ text: line.slice(from, match.index) });
    pieces.push({ text, href });
    from = match.index + text.length;
  }
  if (from < line.length) pieces.push({ text: line.slice(from) });
  return pieces;
}

function hrefOf(text: string): string | undefined {
  try {
    const { href, protocol } = new URL(text);
    return protocol === 'https:' || protocol === 'http:' ? href : undefined;
  } catch {
    return undefined;
  }
}

/** The room that a link leads to, as the link names it; undefined when it leads to none. */
export function roomIn(link: string): string | undefined {
  const id = /\/r\/([^/?#]+)/.exec(link)?.[1];
  return id === undefined ? undefined : decode(id);
}

/** A piece of an address as people read it: as it stands when it is not well encoded. */
export function decode(piece: string): string {
  try {
    return decodeURIComponent(piece);
  } catch {
    return piece;
  }
}
