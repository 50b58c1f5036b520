import { useEffect } from 'react';
import type { Room } from '../index.js';
import { useParlor } from './provider.js';
import { useSnapshot } from './snapshot.js';
import type { MembersView, RoomView } from './types.js';

/** A room, joined as long as this component is mounted. */
export function useJoined(id: string): Room {
  const room = useParlor().room(id);
  useEffect(() => room.join(), [room]);
  return room;
}

/** A room and how it is; joined while this is mounted. */
export function useRoom(id: string): RoomView {
  const room = useJoined(id);
  return useSnapshot(
    room,
    (changed) => both(room.on('status', changed), room.on('members', changed)),
    () => ({
      room,
      status: room.status,
      error: room.error,
      policy: room.policy,
      memberCount: room.memberCount,
    }),
  );
}

/** Who is in a room; joined while this is mounted. */
export function useMembers(id: string): MembersView {
  const room = useJoined(id);
  return useSnapshot(
    room,
    (changed) => room.on('members', changed),
    () => ({ members: room.members, memberCount: room.memberCount }),
  );
}

function both(first: () => void, second: () => void): () => void {
  return () => {
    first();
    second();
  };
}
