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

const EVENTS: Readonly<Record<string, PlayerEvent>> = {
  loadedmetadata: 'loaded',
  durationchange: 'loaded',
  emptied: 'emptied',
  loadeddata: 'data',
  canplay: 'data',
  canplaythrough: 'data',
  waiting: 'waiting',
  play: 'play',
  playing: 'playing',
  pause: 'pause',
  seeking: 'seeking',
  seeked: 'seeked',
};

/** `HTMLMediaElement.HAVE_FUTURE_DATA`, which only pages have by that name. */
const HAVE_FUTURE_DATA = 3;
/** How near the end there is no more data to wait for, in seconds. */
const END = 0.1;

/** A page's `<video>` or `<audio>` as a player. */
export function elementPlayer(element: HTMLMediaElement): Player {
  return {
    get loaded() {
      return element.readyState > 0 && !Number.isNaN(element.duration);
    },
    get paused() {
      return element.paused;
    },
    get seeking() {
      return element.seeking;
    },
    get ended() {
      return element.ended;
    },
    get position() {
      return element.currentTime;
    },
    get duration() {
      return element.duration;
    },
    get canPlay() {
      return element.readyState >= HAVE_FUTURE_DATA || element.currentTime >= element.duration - END;
    },
    canPlayAt(position) {
      if (Math.abs(position - element.currentTime) < END) return this.canPlay;
      const { buffered } = element;
      for (let i = 0; i < buffered.length; i++) {
        const end = Math.min(position + END, element.duration);
        if (buffered.start(i) <= position && end <= buffered.end(i)) return true;
      }
      return false;
    },
    play: () => element.play(),
    pause: () => element.pause(),
    seek: (position) => {
      element.currentTime = position;
    },
    setRate: (rate, keepPitch) => {
      element.preservesPitch = keepPitch;
      element.playbackRate = rate;
    },
    setMuted: (muted) => {
      element.muted = muted;
    },
    listen: (listener) => {
      const tell = (event: Event): void => listener(EVENTS[event.type] as PlayerEvent);
      for (const type of Object.keys(EVENTS)) element.addEventListener(type, tell);
      return () => {
        for (const type of Object.keys(EVENTS)) element.removeEventListener(type, tell);
      };
    },
  };
}
