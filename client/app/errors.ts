import { TandemError } from '@tandem.watch/client';
import { byId, setText } from './dom.js';

const SHOWN_MS = 8_000;

const WORDS: Partial<Record<TandemError['code'], string>> = {
  room_not_found: 'There is no such room. Its code may be mistyped, or the room may have ended.',
  room_full: 'The room is full.',
  room_locked: 'The room is locked: its host lets nobody new in.',
  pin_required: 'This room asks for a PIN.',
  pin_invalid: 'That is not the room’s PIN.',
  pin_throttled: 'Too many wrong PINs.',
  banned: 'You were banned from this room.',
  forbidden: 'Only the host may do that here.',
  not_found: 'That member is not here any more.',
  rate_limited: 'That was too much at once.',
  unavailable: 'The server cannot be reached just now.',
  timeout: 'The server does not answer.',
  internal: 'Something went wrong at the server.',
};

/** What went wrong, for people. */
export function explain(error: unknown): string {
  if (!(error instanceof TandemError)) return 'Something went wrong in this page.';
  const words = WORDS[error.code] ?? `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`;
  const seconds = Math.ceil((error.retryAfterMs ?? 0) / 1000);
  return seconds > 0 ? `${words} Try again in ${seconds} s.` : words;
}

let timer: number | undefined;

/** Shows what went wrong: for a while, or until something else is shown. */
export function showError(text: string, options: { readonly stays?: boolean } = {}): void {
  const line = byId('error', HTMLParagraphElement);
  clearTimeout(timer);
  setText(line, text);
  line.hidden = false;
  if (!options.stays) timer = setTimeout(hideError, SHOWN_MS);
}

export function hideError(): void {
  clearTimeout(timer);
  byId('error', HTMLParagraphElement).hidden = true;
}

/** Lets something happen, and shows it when it does not. */
export function attempt(done: Promise<unknown>): void {
  done.catch((error: unknown) => {
    // Whoever closed the room knows that the rest did not happen.
    if (error instanceof TandemError && error.code === 'closed') return;
    showError(explain(error));
  });
}
