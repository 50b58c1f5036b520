import { useEffect, useMemo, useState } from 'react';
import { useJoined } from './room.js';
import type { TypingView } from './types.js';

/** Whose last sign of typing is older than this has stopped, ms: clients tell it every two seconds. */
const STOPPED_MS = 4_000;
const NOBODY: readonly string[] = [];

/** Who else is typing; joined while this is mounted. */
export function useTyping(id: string): TypingView {
  const room = useJoined(id);
  const [users, setUsers] = useState(NOBODY);
  useEffect(() => {
    const timers = new Map<string, ReturnType<typeof setTimeout>>();
    const show = (): void => setUsers(timers.size === 0 ? NOBODY : [...timers.keys()]);
    const stopped = (user: string | null): void => {
      if (user === null || !timers.has(user)) return;
      clearTimeout(timers.get(user));
      timers.delete(user);
      show();
    };
    const undos = [
      room.on('typing', ({ user }) => {
        const isNew = !timers.has(user);
        clearTimeout(timers.get(user));
        timers.set(
          user,
          setTimeout(() => stopped(user), STOPPED_MS),
        );
        if (isNew) show();
      }),
      room.on('message', ({ user }) => stopped(user)),
      room.on('left', ({ user }) => stopped(user)),
    ];
    return () => {
      for (const undo of undos) undo();
      for (const timer of timers.values()) clearTimeout(timer);
      setUsers(NOBODY);
    };
  }, [room]);
  const { typing } = room;
  return useMemo(() => ({ users, typing }), [users, typing]);
}
