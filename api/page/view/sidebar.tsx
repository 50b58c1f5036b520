import { memo } from 'preact/compat';
import { useEffect, useRef } from 'preact/hooks';
import { useConnection, useRoom } from 'parlor/react';
import { hashOf, nameOf } from '../parts/room-names.js';
import { badgeOf } from '../parts/unread.js';
import { Avatar, Icon, Logo } from './icons.js';
import type { RoomEntry, Rooms } from './use-rooms.js';

export interface SidebarProps {
  readonly rooms: Rooms;
  readonly current: string | null;
  /** A room that is tried again is drawn anew. */
  readonly tries: Readonly<Record<string, number>>;
  readonly user: string | null;
  readonly add: () => void;
  readonly you: () => void;
}

export function Sidebar({ rooms, current, tries, user, add, you }: SidebarProps) {
  return (
    <nav class="sidebar" aria-label="Rooms">
      <header class="bar">
        <Logo />
        {current === null ? <h1 class="brand">Parlor</h1> : <p class="brand">Parlor</p>}
        <button class="round" type="button" aria-label="Add a room" title="Add a room" onClick={add}>
          <Icon name="plus" />
        </button>
      </header>
      <ul class="rooms">
        {rooms.all.map((entry) => (
          <RoomItem
            key={`${entry.id} ${tries[entry.id] ?? 0}`}
            entry={entry}
            isCurrent={entry.id === current}
            user={user}
            message={rooms.message}
            preview={rooms.preview}
          />
        ))}
      </ul>
      <footer>
        <button class="you" type="button" onClick={you}>
          <Avatar name={user ?? '?'} />
          <span class="who">
            <bdi>{user ?? 'Guest'}</bdi>
            <small>Your name and settings</small>
          </span>
          <Icon name="more" />
        </button>
      </footer>
    </nav>
  );
}

interface RoomItemProps extends Pick<Rooms, 'message' | 'preview'> {
  readonly entry: RoomEntry;
  readonly isCurrent: boolean;
  readonly user: string | null;
}

/** A room of the list. While it is there, we are in the room, and what comes is counted. */
const RoomItem = memo(function RoomItem({ entry, isCurrent, user, message, preview }: RoomItemProps) {
  const { id, unread, last } = entry;
  const { connection } = useConnection();
  const me = useRef(user);
  me.current = user;
  useEffect(() => {
    const room = connection.room(id);
    const off = room.on('message', (one) => message(one, one.user === me.current));
    // What came since it was read is told again, and counted.
    const leave = room.join(unread.read === null ? {} : { since: unread.read });
    return () => {
      off();
      leave();
    };
  }, [connection, id]);
  const { room, status, error } = useRoom(id);
  useEffect(() => {
    if (status !== 'joined' || last) return;
    const over = new AbortController();
    room.history({ limit: 1, signal: over.signal }).then(
      ({ messages: [newest] }) => newest && preview(newest),
      // The line below the name stays empty: it is an extra.
      () => undefined,
    );
    return () => over.abort();
  }, [room, status]);
  const { name, kind } = nameOf(id);
  return (
    <li>
      <a
        href={hashOf(id)}
        class={isCurrent ? 'room current' : 'room'}
        aria-current={isCurrent ? 'page' : undefined}
      >
        <Avatar name={name} />
        <span class="who">
          <span class="name">
            <bdi>{name}</bdi>
            {kind !== '' && <small class="kind">{kind}</small>}
          </span>
          <small class="last">
            {status === 'refused' ? (
              (SHORT[error?.code ?? ''] ?? 'Cannot be reached')
            ) : last ? (
              <>
                <bdi>{last.user === user ? 'You' : (last.user ?? 'A service')}</bdi>:{' '}
                <bdi>{last.text.slice(0, 80)}</bdi>
              </>
            ) : (
              'Nothing yet'
            )}
          </small>
        </span>
        {unread.count > 0 && !isCurrent && (
          <span class="badge">
            {badgeOf(unread.count)}
            <span class="sr"> new</span>
          </span>
        )}
      </a>
    </li>
  );
});

const SHORT: Readonly<Record<string, string>> = {
  room_full: 'Full, waiting for a seat',
  room_closed: 'Closed',
  room_not_found: 'Not found',
  forbidden: 'You are not in it',
};
