import { errorText } from '../engine/errors.js';
import type { Store } from '../engine/ports.js';

/** What the routes may ask of the store: what is written goes through the rooms. */
export type Reads = Pick<Store, 'load' | 'history' | 'log' | 'findEvents' | 'findEvent' | 'rooms'>;

/** The store could not answer a read. Its own text is for the log, not for clients. */
export class StoreFailed extends Error {
  constructor(cause: unknown) {
    super(errorText(cause), { cause });
  }
}

/** The reading half of a store; what it rejects with is a StoreFailed. */
export function readsOf(store: Store): Reads {
  const told = <T>(answer: Promise<T>): Promise<T> =>
    answer.catch((cause: unknown) => {
      throw new StoreFailed(cause);
    });
  return {
    load: (roomId) => told(store.load(roomId)),
    history: (page) => told(store.history(page)),
    log: (after, limit) => told(store.log(after, limit)),
    findEvents: (ids) => told(store.findEvents(ids)),
    findEvent: (eventId) => told(store.findEvent(eventId)),
    rooms: (after, limit) => told(store.rooms(after, limit)),
  };
}
