/** What the page keeps in this browser. Not the token, which ends with the tab. */
export interface Kept {
  /** The name to be known by; null: a guest. */
  readonly name: string | null;
  /** Whether somebody has said so, or has chosen to be a guest. */
  readonly isKnown: boolean;
  /** A guest's secret. */
  readonly resume: string | null;
  readonly theme: Theme;
  readonly rooms: readonly KeptRoom[];
}

export interface KeptRoom {
  readonly id: string;
  /** The last seq that was seen. */
  readonly read: number | null;
}

export type Theme = 'system' | 'light' | 'dark';

/** Changes what is kept, and with it what is shown. */
export type Changes = (change: (kept: Kept) => Kept) => void;

/** What of a page's storage is used. */
export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

const KEY = 'parlor';

/** What was kept; whatever of it cannot be understood is as new. */
export function recall(shelf: Shelf): Kept {
  const found = parsed(shelf.getItem(KEY));
  const { name, isKnown, resume, theme, rooms } = found;
  return {
    name: typeof name === 'string' ? name : null,
    isKnown: isKnown === true,
    resume: typeof resume === 'string' ? resume : null,
    theme: theme === 'light' || theme === 'dark' ? theme : 'system',
    rooms: Array.isArray(rooms) ? rooms.flatMap(roomOf) : [],
  };
}

export function keep(shelf: Shelf, kept: Kept): void {
  shelf.setItem(KEY, JSON.stringify(kept));
}

function parsed(text: string | null): Readonly<Record<string, unknown>> {
  if (text === null) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Another version, or somebody, has written it.
    return {};
  }
}

function roomOf(value: unknown): readonly KeptRoom[] {
  if (typeof value !== 'object' || value === null) return [];
  const { id, read } = value as Record<string, unknown>;
  if (typeof id !== 'string') return [];
  return [{ id, read: typeof read === 'number' ? read : null }];
}
