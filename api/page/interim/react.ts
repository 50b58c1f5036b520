import { useCallback, useEffect, useRef, useState } from 'react';
import type { Message, OwnMessage, ParlorError, Room } from '../../client/index.js';
import { useConnection } from '../../client/react/index.js';
import type {
  MembersView,
  MessagesView,
  RoomView,
  ShownMessage,
  TypingView,
} from '../../client/react/types.js';
export { ParlorProvider, useConnection } from '../../client/react/index.js';
export type * from '../../client/react/types.js';

function useTick(): () => void {
  const [, set] = useState(0);
  return useCallback(() => set((n) => n + 1), []);
}
export function useRoom(id: string): RoomView {
  const room = useConnection().connection.room(id);
  const tick = useTick();
  useEffect(() => {
    const undo = [room.on('status', tick), room.on('members', tick), room.join()];
    tick();
    return () => undo.forEach((one) => one());
  }, [room]);
  return { room, status: room.status, error: room.error, policy: room.policy, memberCount: room.memberCount };
}
export function useMembers(id: string): MembersView {
  const { room } = useRoom(id);
  return { members: room.members, memberCount: room.memberCount };
}
const cache = new WeakMap<object, ShownMessage>();
function shown(m: Message | OwnMessage): ShownMessage {
  let s = cache.get(m);
  if (!s) cache.set(m, (s = 'state' in m ? m : { ...m, state: null, error: null }));
  return s;
}
export function useMessages(id: string, { pageSize = 50 } = {}): MessagesView {
  const room: Room = useConnection().connection.room(id);
  const tick = useTick();
  const box = useRef({
    list: [] as ShownMessage[],
    next: null as number | null,
    isLoading: false,
    error: null as ParlorError | null,
  });
  const load = useCallback(async () => {
    const b = box.current;
    if (b.isLoading) return;
    b.isLoading = true;
    tick();
    const first = b.list[0]?.seq ?? null;
    const page = await room.history({
      limit: pageSize,
      ...(first === null ? { before: (room.seq ?? 0) + 1 } : { before: first }),
    });
    b.list = [...page.messages.map(shown), ...b.list];
    b.next = page.next;
    b.isLoading = false;
    tick();
  }, [room]);
  useEffect(() => {
    box.current = { list: [], next: null, isLoading: false, error: null };
    let started = false;
    const begin = () => {
      if (!started && room.status === 'joined') {
        started = true;
        queueMicrotask(() => void load());
      }
      tick();
    };
    const undo = [
      room.on('message', (m) => {
        box.current.list = [...box.current.list, shown(m)];
        tick();
      }),
      room.on('outgoing', tick),
      room.on('status', begin),
      room.join(),
    ];
    begin();
    return () => undo.forEach((one) => one());
  }, [room]);
  const b = box.current;
  return {
    messages: [...b.list, ...room.outgoing.map(shown)],
    post: (t) => room.post(t),
    retry: (i) => room.retry(i),
    discard: (i) => room.discard(i),
    loadOlder: load,
    hasOlder: b.next !== null,
    isLoading: b.isLoading,
    error: b.error,
  };
}
export function useTyping(id: string): TypingView {
  const { connection } = useConnection();
  const room = connection.room(id);
  const [users, set] = useState<readonly string[]>([]);
  useEffect(() => {
    const at = new Map<string, number>();
    const tell = () => {
      set([...at.keys()]);
    };
    const off = room.on('typing', ({ user }) => {
      clearTimeout(at.get(user));
      at.set(
        user,
        setTimeout(() => {
          at.delete(user);
          tell();
        }, 4000) as unknown as number,
      );
      tell();
    });
    const off2 = room.on('message', ({ user }) => {
      if (user !== null && at.delete(user)) tell();
    });
    return () => {
      off();
      off2();
    };
  }, [room]);
  return { users, typing: () => room.typing() };
}
