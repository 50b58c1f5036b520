import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { useConnection } from 'parlor/react';
import { hashOf, nameOf, roomInHash } from '../parts/room-names.js';
import type { Changes, Kept } from '../parts/storage.js';
import { titleOf } from '../parts/unread.js';
import { Conversation } from './conversation.js';
import { AddRoom, You } from './dialogs.js';
import { Nowhere } from './refused.js';
import { Sidebar } from './sidebar.js';
import { StatusLine } from './status-line.js';
import { useRooms } from './use-rooms.js';

/** Where somebody is who comes without a link. */
const FIRST_ROOM = 'group:lobby';

export interface ChatProps {
  readonly kept: Kept;
  readonly change: Changes;
  /** null: there is no token to forget. */
  readonly signOut: (() => void) | null;
}

export function Chat({ kept, change, signOut }: ChatProps) {
  const { user } = useConnection();
  const current = useCurrentRoom();
  const rooms = useRooms(kept, change);
  const [dialog, setDialog] = useState<'add' | 'you' | null>(null);
  const drafts = useRef(new Map<string, string>());
  /** How often somebody has tried again to come into a room. */
  const [tries, setTries] = useState<Readonly<Record<string, number>>>({});

  useEffect(() => {
    // The address says where we are. Somebody new is in a conversation at once; on a phone the others see their list.
    if (current !== null) rooms.add(current);
    else if (kept.rooms.length === 0) location.replace(hashOf(FIRST_ROOM));
    else if (matchMedia('(min-width: 760px)').matches)
      location.replace(hashOf(kept.rooms[0]?.id ?? FIRST_ROOM));
  }, [current]);
  useEffect(() => {
    document.title = titleOf(current === null ? null : nameOf(current).name, rooms.unread);
  }, [current, rooms.unread]);

  const leave = useCallback((id: string) => {
    rooms.remove(id);
    location.hash = '';
  }, []);
  // All that is in the room is made anew, which gives it up and asks for it again.
  const again = useCallback((id: string) => setTries((now) => ({ ...now, [id]: (now[id] ?? 0) + 1 })), []);
  const close = useCallback(() => setDialog(null), []);
  const add = useCallback(() => setDialog('add'), []);
  const you = useCallback(() => setDialog('you'), []);

  const entry = rooms.all.find(({ id }) => id === current);
  return (
    <div class={`app ${current === null ? 'at-list' : 'at-room'}`}>
      {current !== null && (
        <a
          class="skip"
          href="#talk"
          onClick={(event) => {
            event.preventDefault();
            (document.getElementById('message') ?? document.getElementById('talk'))?.focus();
          }}
        >
          Skip to the conversation
        </a>
      )}
      <StatusLine />
      <Sidebar rooms={rooms} current={current} tries={tries} user={user} add={add} you={you} />
      {current === null ? (
        <Nowhere add={add} />
      ) : (
        <Conversation
          key={`${current} ${tries[current] ?? 0}`}
          id={current}
          user={user}
          drafts={drafts.current}
          readBefore={entry && entry.unread.count > 0 ? entry.unread.read : null}
          seen={rooms.seen}
          leave={leave}
          again={again}
          another={add}
        />
      )}
      {dialog === 'add' && <AddRoom close={close} />}
      {dialog === 'you' && <You kept={kept} change={change} user={user} signOut={signOut} close={close} />}
    </div>
  );
}

function useCurrentRoom(): string | null {
  const [room, setRoom] = useState(() => roomInHash(location.hash));
  useEffect(() => {
    const changed = (): void => setRoom(roomInHash(location.hash));
    addEventListener('hashchange', changed);
    changed();
    return () => removeEventListener('hashchange', changed);
  }, []);
  return room;
}
