import { createPostgresStore } from '../../adapters/postgres/store.js';
import { createSqliteStore } from '../../adapters/sqlite/store.js';
import { systemClock } from '../../adapters/system/clock.js';
import { newId } from '../../engine/ids.js';
import type { MessagePosted } from '../../engine/messages/events.js';
import type { Log, Store } from '../../engine/ports.js';
import { tell } from '../report/text.js';
import type { Place } from './places.js';

const TIMEOUT_MS = 60_000;
/** Events in one append: about as many as a busy server commits at once. */
const STEP = 1_000;
const say = (fields: object, text: string): void => tell(`bench: ${text} ${JSON.stringify(fields)}`);
/** What a store has to say while it is filled is a fault. */
const LOG: Log = { info: () => undefined, warn: say, error: say };

/** Writes rooms with so many messages into the database of a place, through the store and without a server. */
export async function fill(place: Place, rooms: Readonly<Record<string, number>>): Promise<void> {
  const store = storeOf(place);
  await store.start();
  try {
    for (const [room, messages] of Object.entries(rooms)) await fillRoom(store, room, messages);
  } finally {
    await store.close();
  }
}

function storeOf({ settings }: Place): Store {
  const { STORE, SQLITE_PATH = '', DATABASE_URL = '' } = settings;
  const parts = { timeoutMs: TIMEOUT_MS, log: LOG, clock: systemClock };
  switch (STORE) {
    case 'sqlite':
      return createSqliteStore({ path: SQLITE_PATH, ...parts });
    case 'postgres':
      return createPostgresStore({ url: DATABASE_URL, pool: 1, ...parts });
    default:
      throw new Error(`STORE=${STORE} cannot be filled beside its server`);
  }
}

async function fillRoom(store: Store, room_id: string, messages: number): Promise<void> {
  const created_at = new Date().toISOString();
  for (let head = 0; head < messages;) {
    const events = Array.from({ length: Math.min(STEP, messages - head) }, (_, i): MessagePosted => {
      const seq = head + 1 + i;
      const text = `Message ${seq} of a long conversation, which is a sentence or two`;
      return {
        type: 'message_posted',
        event_id: newId(),
        room_id,
        seq,
        at: created_at,
        user: `user-${seq % 7}`,
        text,
      };
    });
    head += events.length;
    const room = { room_id, head_seq: head, status: 'open', policy: null, created_at } as const;
    const [result] = await store.append([{ room, events }]);
    if (result !== 'committed') throw new Error(`${room_id} could not be filled: ${result} at ${head}`);
  }
}
