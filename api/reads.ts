import { errorText } from '../engine/errors.js';
import type { Store } from '../engine/ports.js';
import type { ReadDoor } from './read-door.js';

/** What the routes may ask of the store: what is written goes through the rooms. */
export type Reads = Pick<Store, 'load' | 'history' | 'log' | 'findEvents' | 'findEvent' | 'rooms'>;

/** The store could not answer a read. Its own text is for the log, not for clients. */
export class StoreFailed extends Error {
  constructor(cause: unknown) {
    super(errorText(cause), { cause });
  }
}

/** The reading half of a store, behind a door. It rejects with a StoreFailed or with the door's TooManyReads. */
export function readsOf(store: Store, door: ReadDoor): Reads {
  const read = <T>(ask: () => Promise<T>): Promise<T> =>
    door.pass(() =>
      ask().catch((cause: unknown) => {
        throw new StoreFailed(cause);
      }),
    );
  return {
    load: (roomId) => read(() => store.load(roomId)),
    history: (page) => read(() => store.history(page)),
    log: (after, limit) => read(() => store.log(after, limit)),
    findEvents: (ids) => read(() => store.findEvents(ids)),
    findEvent: (eventId) => read(() => store.findEvent(eventId)),
    rooms: (after, limit) => read(() => store.rooms(after, limit)),
  };
}
