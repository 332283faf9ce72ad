import { CloseCode, TandemError } from '@tandem.watch/client';
import { explain } from './errors.js';

/** What one may do about a problem. */
export type ProblemAction = 'retry' | 'rejoin' | 'home' | 'code';

/** Why one is not in a room, and what to do next. */
export interface Problem {
  readonly title: string;
  readonly text: string;
  readonly actions: readonly ProblemAction[];
}

/** What the actions' buttons say. */
export const ACTION_WORDS: Readonly<Record<ProblemAction, string>> = {
  retry: 'Try again',
  rejoin: 'Join again',
  home: 'Start a new room',
  code: 'Enter another code',
};

/** A refusal that asking for a name or a PIN does not mend; undefined for those that are shown in the form. */
export function problemOfEntering(error: unknown): Problem | undefined {
  if (!(error instanceof TandemError)) return undefined;
  switch (error.code) {
    case 'room_not_found':
      return {
        title: 'There is no such room',
        text: 'Its code may be mistyped, or the room may have ended: an empty room is kept for a day. Ask for a fresh link, or start a room of your own.',
        actions: ['code', 'home'],
      };
    case 'room_locked':
      return {
        title: 'The room is locked',
        text: 'Its host lets nobody new in at the moment. Ask them to unlock it in the room’s settings, then try again.',
        actions: ['retry', 'home'],
      };
    case 'room_full':
      return { title: 'The room is full', text: 'It has all the members that it may. Try again when somebody has left.', actions: ['retry', 'home'] };
    case 'banned':
      return {
        title: 'You were banned from this room',
        text: 'Its host or a moderator keeps you out. They alone can let you in again.',
        actions: ['home'],
      };
    case 'unsupported_version':
      return { title: 'This page is out of date', text: 'The server has been updated since. Load the page again.', actions: ['retry'] };
    case 'unavailable':
    case 'timeout':
      return {
        title: 'The server cannot be reached',
        text: 'Either the network here is down, or the server is. Check your connection, and try again in a moment.',
        actions: ['retry', 'home'],
      };
    default:
      return undefined;
  }
}

/** Why one is no longer in a room that one was in. */
export function problemOfEnding(closeCode: number | undefined, error: TandemError | undefined): Problem {
  switch (closeCode) {
    case CloseCode.removed:
      return {
        title: 'You were removed from the room',
        text: 'The host or a moderator has sent you out. You may ask them, and join again.',
        actions: ['rejoin', 'home'],
      };
    case CloseCode.banned:
      return {
        title: 'You were banned from the room',
        text: 'The host or a moderator has sent you out and keeps you out. They alone can let you in again.',
        actions: ['home'],
      };
    case CloseCode.replaced:
      return {
        title: 'You are watching in another window',
        text: 'Your seat was taken over there. Close this window, or join again as somebody else.',
        actions: ['rejoin', 'home'],
      };
    case CloseCode.expired:
      return {
        title: 'You were away for too long',
        text: 'Your seat was kept for a while and has been given up. The room goes on: join again.',
        actions: ['rejoin', 'home'],
      };
    default:
      return problemOfEntering(error) ?? { title: 'The connection has ended', text: explain(error), actions: ['rejoin', 'home'] };
  }
}
