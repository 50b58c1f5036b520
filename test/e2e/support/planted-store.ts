import { createPostgresStore as createRealStore } from '../../../adapters/postgres/store.js';
import type { Append, AppendResult, Store } from '../../../engine/ports.js';
import { plantedFault } from './planted-fault.js';

/** The store of the program with a planted fault; see `planted-main.ts`. */
export function createPostgresStore(...options: Parameters<typeof createRealStore>): Store {
  const store = createRealStore(...options);
  switch (plantedFault()) {
    case 'no-fencing':
      return { ...store, append: (appends) => appendAnyhow(store, appends) };
    case 'early-answers':
      return { ...store, append: appendLater(store) };
    case 'no-gap-repair':
    case 'no-roll-call':
      return store;
  }
}

/** Whatever head an append stands on, it is stored behind what is there. */
async function appendAnyhow(store: Store, appends: readonly Append[]): Promise<AppendResult[]> {
  const results = await store.append(appends);
  for (const [i, append] of appends.entries())
    while (results[i] === 'fenced') {
      const { room, events } = append;
      const head = (await store.load(room.room_id))?.head_seq ?? 0;
      const moved = {
        room: { ...room, head_seq: head + events.length },
        events: events.map((event, at) => ({ ...event, seq: head + 1 + at })),
      };
      const [result = 'failed'] = await store.append([moved]);
      results[i] = result;
    }
  return results;
}

/** What is appended is said to be committed, and stored after that. */
function appendLater(store: Store): Store['append'] {
  let last: Promise<unknown> = Promise.resolve();
  return (appends) => {
    last = last.then(() => store.append(appends)).catch((cause: unknown) => cause);
    return Promise.resolve(appends.map(() => 'committed'));
  };
}
