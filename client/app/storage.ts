/**
 * The name and the volume, for the next room, and this window's seats, for a reload. A browser that keeps nothing
 * (private windows, blocked cookies) only forgets.
 */
const NAME = 'tandem.name';
const VOLUME = 'tandem.volume';
const seatKey = (room: string): string => `tandem.seat.${room}`;

function attempt<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}

export const storage = {
  get name(): string {
    return attempt(() => localStorage.getItem(NAME)) ?? '';
  },
  set name(name: string) {
    attempt(() => localStorage.setItem(NAME, name));
  },
  /** From 0 to 1. */
  get volume(): number {
    const kept = Number(attempt(() => localStorage.getItem(VOLUME)) ?? 1);
    return kept >= 0 && kept <= 1 ? kept : 1;
  },
  set volume(volume: number) {
    attempt(() => localStorage.setItem(VOLUME, String(volume)));
  },
  seat(room: string): string | undefined {
    return attempt(() => sessionStorage.getItem(seatKey(room))) ?? undefined;
  },
  keepSeat(room: string, seat: string): void {
    attempt(() => sessionStorage.setItem(seatKey(room), seat));
  },
  forgetSeat(room: string): void {
    attempt(() => sessionStorage.removeItem(seatKey(room)));
  },
};
