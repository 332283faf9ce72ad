/** What a member may do. */
export type Role = 'guest' | 'moderator' | 'host';
/** What the room watches. */
export interface Media {
    /** `url`: everybody loads `url`; `file`: everybody opens their own copy; `clip`: the gateway's test clip. */
    readonly kind: 'url' | 'file' | 'clip';
    /** Set for the kind `url` only: absolute, http or https. */
    readonly url?: string;
    /** Shown to people: at most 200 characters. */
    readonly title?: string;
    /** Lets members warn when their own file differs; absent when unknown. */
    readonly durationMs?: number;
    /** For each member to choose from: at most 8, with every kind. */
    readonly subtitles?: readonly Subtitle[];
}
/** A track of subtitles in WebVTT. */
export interface Subtitle {
    /** Absolute, http or https. */
    readonly url: string;
    /** Shown to people: at most 50 characters. */
    readonly label?: string;
    /** The language's tag (RFC 5646), such as `pt-BR`. */
    readonly lang?: string;
}
/** Something that comes next. */
export interface QueueItem {
    /** The number of the event that added it. */
    readonly id: number;
    readonly media: Media;
    /** Who added it. */
    readonly member: string;
    /** The member's name at that time. */
    readonly name: string;
}
/** One seat of the room. */
export interface Member {
    readonly id: string;
    readonly name: string;
    readonly role: Role;
    /** Cluster time in microseconds. */
    readonly joinedAt: number;
}
/**
 * Where the room is in its media, as a motion vector: at instant `at` the position is `position`, and from then on
 * it moves by `rate` seconds a second if `playing`. Before `at` it stands at `position`: a scheduled start.
 */
export interface Timeline {
    /** Seconds of the media. */
    readonly position: number;
    /** The chosen playback rate, also while paused. */
    readonly rate: number;
    readonly playing: boolean;
    /** An instant of cluster time in microseconds. */
    readonly at: number;
    /** The number of the event that set this timeline: the greater one holds. */
    readonly number: number;
}
/** An open ready gate: the room stands still until enough are ready. */
export interface Gate {
    /** The number of the event that opened it, and its name. */
    readonly number: number;
    /** Who was asked, at most 100 members. */
    readonly waiting: readonly string[];
    /** Who has answered. */
    readonly ready?: readonly string[];
    /** How many of them suffice. */
    readonly needed: number;
    /** The instant at which the room starts without the rest, in microseconds. */
    readonly deadline: number;
}
/** The room's switches. */
export interface Settings {
    /** Every member may control playback and media. */
    readonly guestControl: boolean;
    /** New members are kept out. */
    readonly locked: boolean;
    /** Whether a PIN is asked; the PIN itself is never told. */
    readonly pin: boolean;
    /** What the room is called: at most 100 characters. */
    readonly title?: string;
}
/** Somebody who is kept out. */
export interface BannedMember {
    readonly id: string;
    readonly name: string;
}
/** A snapshot of the room as its log has it. */
export interface RoomSnapshot {
    readonly id: string;
    /** The host's member id; absent in an empty room. */
    readonly host?: string;
    readonly settings: Settings;
    readonly media: Media;
    /** The number of the event that set `media`. */
    readonly mediaNumber?: number;
    /** What comes next, in order. */
    readonly queue?: readonly QueueItem[];
    readonly timeline: Timeline;
    readonly gate?: Gate;
    /** In the order of joining: the first ones, at most 100. */
    readonly members: readonly Member[];
    readonly memberCount: number;
    readonly banned?: readonly BannedMember[];
}
/** How a member does now. The newest holds. */
export interface Presence {
    readonly member: string;
    /** Its connection has dropped and its seat is kept for it. */
    readonly away?: boolean;
    /** Its player wants data. */
    readonly buffering?: boolean;
    /** How far its player is off the timeline in milliseconds, positive is ahead; absent when it does not play. */
    readonly offsetMs?: number;
    /** Its round trip to its gateway in milliseconds. */
    readonly rttMs?: number;
}
/** One line of chat. */
export interface ChatLine {
    /** Its place in the room's log. */
    readonly number: number;
    /** Cluster time in microseconds. */
    readonly at: number;
    readonly member: string;
    /** The member's name when it wrote the line. */
    readonly name: string;
    readonly text: string;
}
/**
 * Turns a room code as people type it (dashes, spaces, lower case, O for 0, I or L for 1) into the room's id.
 * Undefined when it is no such code; the text may still be the id of a room that another program made.
 */
export declare function parseRoomCode(typed: string): string | undefined;
/** Shows the id of a room that has a code as 4-4-4; others stay as they are. */
export declare function formatRoomCode(id: string): string;
/** The position in seconds at an instant of cluster time in microseconds. */
export declare function positionAt(timeline: Timeline, at: number): number;
/** The instant of cluster time in microseconds at which a playing timeline is at a position in seconds. */
export declare function instantOf(timeline: Timeline, position: number): number;
