/** What is new in a room. `read`: the last seq that was seen; null: none yet. */
export interface Unread {
  readonly read: number | null;
  readonly count: number;
}

export const NOTHING: Unread = { read: null, count: 0 };

/** A message has come; `isMine`: from ourselves, perhaps on another machine, so it was read there. */
export function arrived({ read, count }: Unread, seq: number, isMine: boolean): Unread {
  if (read !== null && seq <= read) return { read, count };
  return isMine ? { read: seq, count: 0 } : { read, count: count + 1 };
}

/** Everything up to this seq has been seen. */
export function seen(unread: Unread, seq: number): Unread {
  return unread.count === 0 && unread.read !== null && unread.read >= seq
    ? unread
    : { read: Math.max(seq, unread.read ?? 0), count: 0 };
}

/** As it is shown in a small round space. */
export function badgeOf(count: number): string {
  return count > 99 ? '99+' : String(count);
}

/** The title of the page, which a browser shows in its tab. */
export function titleOf(room: string | null, count: number): string {
  const name = room === null ? 'Parlor' : `${room} · Parlor`;
  return count > 0 ? `(${badgeOf(count)}) ${name}` : name;
}
