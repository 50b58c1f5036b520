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
  let end: { readonly error: ParlorError | null } | null = null;
  let sleepers: (() => void)[] = [];
  const wake = (): void => {
    const all = sleepers;
    sleepers = [];
    for (const proceed of all) proceed();
  };
  const finish = (error: ParlorError | null): void => {
    end ??= { error };
    for (const undo of undos) undo();
    wake();
  };
  const undos = [
    room.on('message', (message) => {
      waiting.push(message);
      wake();
      if (waiting.length > MOST_WAITING)
        finish(new ParlorError('slow_consumer', `${MOST_WAITING} messages were not read`, true));
    }),
    room.on('status', ({ error }) => {
      if (error && !error.retry) finish(error);
    }),
    onClose(finish),
    room.join(),
  ];
  const isReady = (): boolean => waiting.length > 0 || end !== null;
  return {
    async next() {
      while (!isReady()) await new Promise<void>((resolve) => sleepers.push(resolve));
      const value = waiting.shift();
      if (value) return { done: false, value };
      if (end?.error) throw end.error;
      return { done: true, value: undefined };
    },
    async return() {
      finish(null);
      waiting.length = 0;
      return { done: true, value: undefined };
    },
  };
}
