/** What a player tells. The names are those of `HTMLMediaElement`'s events; `data` stands for all that bring data. */
export type PlayerEvent = 'loaded' | 'emptied' | 'data' | 'waiting' | 'play' | 'playing' | 'pause' | 'seeking' | 'seeked';
/** A media player as the synchroniser sees it: a `<video>` in a page, a simulation in tests. Times are in seconds. */
export interface Player {
    /** The media and its duration are known. */
    readonly loaded: boolean;
    readonly paused: boolean;
    readonly seeking: boolean;
    /** The media has come to its end. */
    readonly ended: boolean;
    readonly position: number;
    /** Infinity for a live stream. */
    readonly duration: number;
    /** It has data to play on from where it is. */
    readonly canPlay: boolean;
    /** It has data to play from that position. */
    canPlayAt(position: number): boolean;
    /** Rejects with a `NotAllowedError` when the browser wants a gesture of the user first. */
    play(): Promise<void>;
    pause(): void;
    seek(position: number): void;
    /** @param keepPitch costs a set-back of the media clock when the rate leaves 1; without it small rates are exact. */
    setRate(rate: number, keepPitch: boolean): void;
    setMuted(muted: boolean): void;
    listen(listener: (event: PlayerEvent) => void): () => void;
}
/** A page's `<video>` or `<audio>` as a player. */
export declare function elementPlayer(element: HTMLMediaElement): Player;
