/** What is looked at of a message. */
export interface Groupable {
  readonly user: string | null;
  readonly created_at: string;
}

/** How a message stands below the one before. */
export interface Place {
  /** A day begins with it. */
  readonly isNewDay: boolean;
  /** Its author and the time are shown: somebody else wrote the one before, or long ago. */
  readonly isFirst: boolean;
}

/** A silence of so long starts a new group, ms. */
const PAUSE_MS = 300_000;

/** `dayOf`: the day of a time, in whatever words; by default that of this machine's time zone. */
export function placeOf(
  message: Groupable,
  before: Groupable | null,
  dayOf: (time: string) => string = localDay,
): Place {
  const isNewDay = before === null || dayOf(message.created_at) !== dayOf(before.created_at);
  const isFirst =
    isNewDay ||
    before.user !== message.user ||
    Date.parse(message.created_at) - Date.parse(before.created_at) >= PAUSE_MS;
  return { isNewDay, isFirst };
}

function localDay(time: string): string {
  return new Date(time).toDateString();
}
