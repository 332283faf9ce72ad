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
  not_found: 'That is not here any more.',
  rate_limited: 'That was too much at once.',
  unavailable: 'The server cannot be reached just now.',
  unknown: 'The connection was lost before an answer came: it may have been done or not.',
  timeout: 'The server does not answer.',
  too_many_commands: 'Too much is waiting for the connection to come back.',
  internal: 'Something went wrong at the server.',
};

/** What went wrong, for people. */
export function explain(error: unknown): string {
  if (!(error instanceof TandemError)) return 'Something went wrong in this page.';
  const words = WORDS[error.code] ?? `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`;
  const seconds = Math.ceil((error.retryAfterMs ?? 0) / 1000);
  return seconds > 0 ? `${words} Try again in ${seconds} s.` : words;
}

let timer: ReturnType<typeof setTimeout> | undefined;

/** Makes what is shown go away by its cross, and not with the dialog that it is in. */
export function prepareErrors(): void {
  const stay = (): void => {
    if (byId('error', HTMLDivElement).matches(':popover-open')) bringForth();
  };
  for (const dialog of document.querySelectorAll('dialog')) dialog.addEventListener('close', stay);
  byId('error-close', HTMLButtonElement).addEventListener('click', hideError);
}

/** Shows what went wrong: for a while, or until something else is shown. Above all, also in full screen. */
export function showError(text: string, options: { readonly stays?: boolean } = {}): void {
  clearTimeout(timer);
  bringForth();
  setText(byId('error-text', HTMLParagraphElement), text);
  if (!options.stays) timer = setTimeout(hideError, SHOWN_MS);
}

/** Brings what is shown to the front: into the dialog that is open, since nothing outside of it can be clicked. */
function bringForth(): void {
  const toast = byId('error', HTMLDivElement);
  toast.hidePopover();
  const open = [...document.querySelectorAll('dialog[open]')].at(-1);
  (open ?? document.body).append(toast);
  toast.showPopover();
}

export function hideError(): void {
  clearTimeout(timer);
  byId('error', HTMLDivElement).hidePopover();
}

/** Lets something happen, and shows it when it does not. */
export function attempt(done: Promise<unknown>, show: (text: string) => void = showError): void {
  done.catch((error: unknown) => {
    // Whoever closed the room knows that the rest did not happen.
    if (error instanceof TandemError && error.code === 'closed') return;
    show(explain(error));
  });
}
