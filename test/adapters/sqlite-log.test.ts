import { join } from 'node:path';
import t from 'tap';
import { connect } from '../../adapters/sqlite/connection.js';
import type { DurableEvent } from '../../engine/messages/events.js';
import type { LogPage, Store } from '../../engine/ports.js';
import { append, message, messages, record, seqs, upTo } from '../conformance/store-fixture.js';
import { fillRoom, folderOf, open } from './sqlite-fixture.js';

/** Events that a call looks at, see adapters/sqlite/reads.ts. */
const LOOK = 2_000;

async function page(store: Store, after: string | null, limit = 200): Promise<LogPage> {
  const found = await store.log(after, limit);
  if (!found) throw new Error(`the log does not know ${after}`);
  return found;
}

t.test(
  'after a large room was purged, a page of the log looks at a piece of what is left of it',
  async (t) => {
    const path = join(folderOf(t), 'parlor.db');
    const { store } = await open(t, path);
    await store.append([append('first', message('first', 1))]);
    const count = 50_000;
    const db = connect(path, 10_000);
    db.write(() => fillRoom(db, 'large', count, 5));
    db.close();
    await store.append([append('last', ...messages('last', 1, 300))]);
    await store.append([{ room: record('large', count), events: [], purge_before: count }]);

    const pages: LogPage[] = [];
    for (let after: string | null = null, more = true; more;) {
      const one = await page(store, after);
      pages.push(one);
      ({ cursor: after, more } = one);
    }
    const found: DurableEvent[] = pages.flatMap(({ events }) => events);
    t.same(
      found.map(({ room_id, seq }) => `${room_id} ${seq}`),
      ['first 1', `large ${count}`, ...upTo(0, 300).map((seq) => `last ${seq}`)],
    );
    t.ok(
      pages.filter(({ events, more }) => events.length === 0 && more).length >= 20,
      'pages without an event are not the last',
    );
    const cursors = pages.map(({ cursor }) => Number(cursor));
    t.same(
      cursors.filter((cursor, i) => cursor - (cursors[i - 1] ?? 0) > LOOK),
      [],
      'none went further than it may look',
    );

    const half = pages[12]?.cursor ?? '';
    while (await store.sweep());
    t.match(await page(store, half), { events: { length: 200 }, more: true }, 'what is swept costs no page');
    t.match(await page(store, pages.at(-1)?.cursor ?? ''), { events: [], more: false });
  },
);

t.test('the log says truly whether there is more, and where it ends', async (t) => {
  const { store } = await open(t, join(folderOf(t), 'parlor.db'));
  t.same(await page(store, null), { events: [], cursor: null, more: false }, 'nothing was ever stored');
  const posted = messages('a', 1, LOOK);
  await store.append([append('a', ...posted)]);
  const full = await page(store, null, LOOK);
  t.same(full, { events: posted, cursor: `${LOOK}`, more: false }, 'a full page that is the last');
  const most = await page(store, null, LOOK - 1);
  t.same([most.events.length, most.cursor, most.more], [LOOK - 1, `${LOOK - 1}`, true]);
  t.same(seqs((await page(store, most.cursor)).events), [LOOK]);
  await store.append([{ room: record('a', LOOK), events: [], purge_before: LOOK + 1 }]);
  t.same(await page(store, null), { events: [], cursor: `${LOOK}`, more: false }, 'all of it is forgotten');
  while (await store.sweep());
  t.same(await page(store, null), { events: [], cursor: `${LOOK}`, more: false }, 'and swept');
  await store.append([append('a', message('a', LOOK + 1))]);
  t.same(seqs((await page(store, `${LOOK}`)).events), [LOOK + 1]);
  const beyond = await page(store, '9'.repeat(30));
  t.same([beyond.events, beyond.more], [[], false]);
  t.match(beyond.cursor, /^\d+$/);
});
