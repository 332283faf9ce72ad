import type { BannedMember, ChatLine, Gate, Media, Member, Presence, QueueItem, ServerMessage, Settings, Timeline } from './protocol/index.js';
/** Everything that a member knows of its room. Immutable: each change makes a new object, and shares what stayed. */
export interface RoomState {
    readonly id: string;
    /** The own member id. */
    readonly self: string;
    /** The number of the last event in this state. */
    readonly number: number;
    /** The host's member id; absent in an empty room. */
    readonly host: string | undefined;
    readonly settings: Settings;
    readonly media: Media;
    /** The number of the event that set `media`: it tells two showings of the same media apart. */
    readonly mediaNumber: number;
    /** What comes next, in order. */
    readonly queue: readonly QueueItem[];
    readonly timeline: Timeline;
    /** The open ready gate, if there is one. */
    readonly gate: Gate | undefined;
    /** In the order of joining. In a large room the first come first, and the others follow. */
    readonly members: readonly Member[];
    readonly memberCount: number;
    readonly banned: readonly BannedMember[];
    /** By member id, for those of whom anything is known. */
    readonly presence: ReadonlyMap<string, Presence>;
    /** The ids of those who type. */
    readonly typing: readonly string[];
    /** The newest lines, oldest first, without gaps. */
    readonly chat: readonly ChatLine[];
    /** There are older lines that `history()` fetches. */
    readonly olderChat: boolean;
}
/** The room before its first snapshot. */
export declare const emptyRoom: RoomState;
/** The own seat; undefined before the first snapshot. */
export declare function ownMember(state: RoomState): Member | undefined;
/** Whether the own role allows to control playback and media. */
export declare function mayControl(state: RoomState): boolean;
/** Whether the own role allows to remove and ban guests. */
export declare function mayModerate(state: RoomState): boolean;
/** The state after a message. Messages that tell nothing about the room leave it as it is. */
export declare function reduce(state: RoomState, message: ServerMessage): RoomState;
