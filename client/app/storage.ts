/**
 * The name, for the next room, and this window's seats, for a reload. A browser that keeps nothing (private windows,
 * blocked cookies) only forgets.
 */
const NAME = 'tandem.name';
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
