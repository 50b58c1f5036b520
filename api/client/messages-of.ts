import { ParlorError } from './errors.js';
import type { Message, Room } from './types.js';

/** Messages that wait for a slow reader. Beyond that it fails, since memory has an end. */
const MOST_WAITING = 10_000;

/** The messages of a room from now on, until the connection or the room is over. */
export function messagesOf(
  room: Room,
  onClose: (listener: (error: ParlorError | null) => void) => () => void,
): AsyncIterator<Message> {
  const waiting: Message[] = [];
  const readers: (() => void)[] = [];
  let end: ParlorError | null | undefined;
  const serve = (): void => {
    while (readers.length > 0 && (waiting.length > 0 || end !== undefined)) readers.shift()?.();
  };
  const finish = (error: ParlorError | null): void => {
    if (end === undefined) end = error;
    for (const undo of undos) undo();
    serve();
  };
  const undos = [
    room.on('message', (message) => {
      if (waiting.push(message) > MOST_WAITING)
        finish(new ParlorError('slow_consumer', 'messages were not read', true));
      serve();
    }),
    room.on('status', ({ error }) => {
      if (error && !error.retry) finish(error);
    }),
    onClose(finish),
    room.join(),
  ];
  return {
    next: () =>
      new Promise((resolve, reject) => {
        readers.push(() => {
          const value = waiting.shift();
          if (value) resolve({ value });
          else if (end) reject(end);
          else resolve({ done: true, value: undefined });
        });
        serve();
      }),
    async return() {
      waiting.length = 0;
      finish(null);
      return { done: true, value: undefined };
    },
  };
}
