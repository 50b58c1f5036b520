import { useCallback, useMemo, useState } from 'preact/hooks';
import type { Message } from 'parlor/client';
import type { Changes, Kept } from '../parts/storage.js';
import { arrived, NOTHING, seen, type Unread } from '../parts/unread.js';

export interface RoomEntry {
  readonly id: string;
  readonly unread: Unread;
  /** The last message that came; null: none is known. */
  readonly last: Message | null;
}

export interface Rooms {
  readonly all: readonly RoomEntry[];
  /** In all of them. */
  readonly unread: number;
  readonly add: (id: string) => void;
  readonly remove: (id: string) => void;
  readonly message: (message: Message, isMine: boolean) => void;
  /** The last message of a room, which is not new. */
  readonly preview: (message: Message) => void;
  /** Everything up to this seq has been on the screen. */
  readonly seen: (id: string, seq: number) => void;
}

type Lasts = Readonly<Record<string, { readonly unread: Unread; readonly last: Message | null }>>;

/** The rooms of the list. Which they are, and what was read, is kept in this browser. */
export function useRooms({ rooms }: Kept, change: Changes): Rooms {
  const [lasts, setLasts] = useState<Lasts>(() =>
    Object.fromEntries(rooms.map(({ id, read }) => [id, { unread: { read, count: 0 }, last: null }])),
  );
  const update = useCallback(
    (id: string, next: (entry: Lasts[string]) => Lasts[string]) =>
      setLasts((now) => {
        const before = now[id] ?? { unread: NOTHING, last: null };
        const after = next(before);
        return after === before ? now : { ...now, [id]: after };
      }),
    [],
  );
  const actions = useMemo(
    () => ({
      add: (id: string) =>
        change((kept) =>
          kept.rooms.some((room) => room.id === id)
            ? kept
            : { ...kept, rooms: [...kept.rooms, { id, read: null }] },
        ),
      remove: (id: string) =>
        change((kept) => ({ ...kept, rooms: kept.rooms.filter((room) => room.id !== id) })),
      message: (message: Message, isMine: boolean) =>
        update(message.room_id, ({ unread }) => ({
          unread: arrived(unread, message.seq, isMine),
          last: message,
        })),
      preview: (message: Message) =>
        update(message.room_id, (entry) => (entry.last ? entry : { ...entry, last: message })),
      seen(id: string, seq: number) {
        update(id, (entry) => {
          const unread = seen(entry.unread, seq);
          return unread === entry.unread ? entry : { ...entry, unread };
        });
        change((kept) =>
          kept.rooms.some((room) => room.id === id && (room.read ?? -1) < seq)
            ? { ...kept, rooms: kept.rooms.map((room) => (room.id === id ? { id, read: seq } : room)) }
            : kept,
        );
      },
    }),
    [],
  );
  const all = useEntries(rooms.map(({ id }) => id).join(' '), lasts);
  const unread = all.reduce((sum, entry) => sum + entry.unread.count, 0);
  return { all, unread, ...actions };
}

/** Entries of rooms in which nothing has changed are the same objects. */
function useEntries(ids: string, lasts: Lasts): readonly RoomEntry[] {
  const cache = useMemo(() => new WeakMap<object, RoomEntry>(), []);
  return ids
    .split(' ')
    .filter((id) => id !== '')
    .map((id) => {
      const last = lasts[id];
      if (!last) return { id, unread: NOTHING, last: null };
      let entry = cache.get(last);
      if (!entry) cache.set(last, (entry = { id, ...last }));
      return entry;
    });
}
