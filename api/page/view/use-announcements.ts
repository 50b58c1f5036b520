import { useEffect, useRef, useState } from 'preact/hooks';
import type { Message, Room } from 'parlor/client';
import { announcementOf } from '../parts/words.js';

/** What comes within so many ms is said in one go, so that a busy room does not talk over everything else. */
const GATHER_MS = 1_500;

/** What a screen reader says of the messages of others. */
export function useAnnouncements(room: Room, user: string | null): string {
  const [words, setWords] = useState('');
  const me = useRef(user);
  me.current = user;
  useEffect(() => {
    let gathered: Message[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = room.on('message', (message) => {
      if (message.user === me.current) return;
      gathered.push(message);
      timer ??= setTimeout(() => {
        setWords(announcementOf(gathered));
        gathered = [];
        timer = undefined;
      }, GATHER_MS);
    });
    return () => {
      off();
      clearTimeout(timer);
    };
  }, [room]);
  return words;
}
