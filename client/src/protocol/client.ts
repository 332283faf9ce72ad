import type { Media, Role } from './room.js';

/** A session's first message: enters a room, or with `resume` comes back to a seat. */
export interface Hello {
  readonly type: 'hello';
  readonly version: number;
  readonly room: string;
  readonly name: string;
  readonly pin?: string;
  readonly resume?: Resume;
}

/** Names a seat, and what its client has seen of the room; 0 and 0 ask for a snapshot. */
export interface Resume {
  readonly seat: string;
  readonly epoch: number;
  readonly number: number;
}

/** What changes the room, without its id. Each is answered by ack or error, and done at most once for its id. */
export type CommandBody =
  | { readonly type: 'play'; readonly position?: number; readonly wait?: boolean }
  | { readonly type: 'pause'; readonly position?: number }
  | { readonly type: 'seek'; readonly position: number; readonly play?: boolean; readonly wait?: boolean }
  | { readonly type: 'rate'; readonly rate: number }
  | { readonly type: 'media'; readonly media: Media }
  | { readonly type: 'enqueue'; readonly media: Media; readonly next?: boolean }
  | { readonly type: 'unqueue'; readonly item: number }
  | { readonly type: 'move'; readonly item: number; readonly before?: number }
  | {
      readonly type: 'next';
      readonly after: number;
      readonly item?: number;
      readonly play?: boolean;
      readonly wait?: boolean;
    }
  | { readonly type: 'ready'; readonly gate: number }
  | { readonly type: 'chat'; readonly text: string }
  | { readonly type: 'rename'; readonly name: string }
  | {
      readonly type: 'settings';
      readonly guestControl?: boolean;
      readonly locked?: boolean;
      readonly pin?: string;
      readonly title?: string;
    }
  | { readonly type: 'transfer'; readonly member: string }
  | { readonly type: 'role'; readonly member: string; readonly role: Exclude<Role, 'host'> }
  | { readonly type: 'remove'; readonly member: string; readonly ban?: boolean }
  | { readonly type: 'unban'; readonly member: string }
  | { readonly type: 'leave' };

/** A command: its id numbers the seat's commands from 1; a retry repeats id and content. */
export type Command = CommandBody & { readonly id: number };

/** How the sender's player does, at most twice a second. It never moves the timeline. */
export interface Status {
  readonly buffering?: boolean;
  /** How far the player is off the timeline; positive is ahead. Absent when it does not play. */
  readonly offsetMs?: number;
  readonly rttMs?: number;
  readonly playLatencyMs?: number;
  readonly seekLatencyMs?: number;
}

/** What is not kept and not answered by ack. */
export type Ephemeral =
  | { readonly type: 'react'; readonly reaction: string }
  | { readonly type: 'typing'; readonly on: boolean }
  | { readonly type: 'signal'; readonly to: string; readonly data: unknown }
  | ({ readonly type: 'status' } & Status)
  /** Asks for the gateway's clock; `t1` is the sender's, in microseconds of any origin. */
  | { readonly type: 'probe'; readonly t1: number }
  /** Asks for chat older than the line `before`; 0 or absent asks for the newest. */
  | { readonly type: 'history'; readonly before?: number; readonly limit?: number };

/** Every message that a client sends. */
export type ClientMessage = Hello | Command | Ephemeral;
