import { Client, DatabaseError } from 'pg';
import t from 'tap';
import { isAboutValues, isAnswer } from '../../adapters/postgres/faults.js';
import { readerSetup } from '../../adapters/postgres/session.js';
import { READS } from '../../adapters/postgres/reads.js';
import { newId } from '../../engine/ids.js';
import type { DurableEvent } from '../../engine/messages/events.js';
import { append, message, messages, record } from '../conformance/store-fixture.js';
import { storeConformance } from '../conformance/store.js';
import { ownDatabase, queryPostgres } from '../support/postgres.js';
import { logLines, logOf, postgresStore, seqsOf, startedStore, upTo } from './postgres-fixture.js';

const shared = await ownDatabase();

storeConformance('postgres', () => {
  const store = postgresStore(t, shared);
  return Promise.resolve({
    store,
    again: () => postgresStore(t, shared),
    elsewhere: async () => postgresStore(t, await ownDatabase()),
    close: () => store.close(),
  });
});

t.test('postgres: every character that a text may hold comes back as it was', async (t) => {
  const store = await startedStore(t, shared);
  const room = newId();
  const texts = [
    `'; DROP TABLE parlor.events; --`,
    '{"a":"b"},{c,d}',
    '\\ \\\\ " "" \' NULL null',
    'NULL',
    '\u0001\u0007\u001b\u007f\t\r\n',
    '\u202e\u200d\ufeff\uffff\u{10ffff}',
    'é e\u0301 ß ﬀ 漢字 😀👩‍👩‍👧‍👦',
    '😀'.repeat(2_048),
  ];
  const events = texts.map((text, i) => ({ ...message(room, i + 1, text), user: `${text.slice(0, 20)}.` }));
  t.same(await store.append([append(room, ...events)]), ['committed']);
  t.same(await store.history({ room_id: room, after: 0, limit: 100, messages_only: false }), events);
});

t.test('postgres: a text that cannot be stored fails alone, and is neither changed nor quoted', async (t) => {
  const log = logLines();
  const store = await startedStore(t, shared, { log });
  const [a, b, c, d, e] = [newId(), newId(), newId(), newId(), newId()];
  const results = await store.append([
    append(a, message(a, 1)),
    append(b, message(b, 1, 'secret\u0000')),
    append(c, message(c, 1, 'secret\ud800')),
    append(d, { ...message(d, 1), user: 'secret\u0000' }),
    append(e, { ...message(e, 1), request_id: 'secret\u0000' }),
    append(b, message(b, 2)),
    append(a, message(a, 2)),
  ]);
  t.same(results, ['committed', 'failed', 'failed', 'failed', 'failed', 'fenced', 'committed']);
  t.same(await seqsOf(store, a), [1, 2]);
  t.equal(await store.load(b), null);
  t.equal(log.lines.filter((line) => line.includes('not stored')).length, 4);
  t.notMatch(log.lines.join(), /secret/);
});

t.test('postgres: one impossible append among a thousand costs the others nothing', async (t) => {
  const log = logLines();
  const store = await startedStore(t, shared, { log });
  const room = newId();
  const rooms = Array.from({ length: 1_000 }, (_, i) => `${room}-${i}`);
  const appends = rooms.map((id, i) => append(id, message(id, 1, `${i}`, i === 700 ? 'no uuid' : newId())));
  const results = await store.append(appends);
  t.equal(results.filter((result) => result === 'committed').length, 999);
  t.equal(results[700], 'failed');
  t.match(log.lines.join('\n'), /refused.*uuid/);
  t.match(store.state(), { ready: true });
});

t.test(
  'postgres: what follows a text that cannot be stored is fenced, even where its seq fits by now',
  async (t) => {
    const store = await startedStore(t, shared);
    const [room, other] = [newId(), newId()];
    await store.append([append(room, message(room, 1))]);
    const decided = [
      append(room, message(room, 2, 'a\u0000')),
      append(other, message(other, 1)),
      append(room, message(room, 3)),
    ];
    t.same(await store.append([append(room, message(room, 2, 'of another writer'))]), ['committed']);
    t.same(await store.append(decided), ['failed', 'committed', 'fenced']);
    t.same(await seqsOf(store, room), [1, 2]);
  },
);

t.test('postgres: the log of one call has its events in the order in which they were given', async (t) => {
  const store = await startedStore(t, await ownDatabase());
  const given = ['b 1', 'c 1', 'a 1', 'b 2', 'a 2'];
  await store.append(
    given.map((each) => append(each.slice(0, 1), message(each.slice(0, 1), Number(each.slice(2))))),
  );
  const { events } = await logOf(store, null, 10);
  t.same(
    events.map(({ room_id, seq }) => `${room_id} ${seq}`),
    given,
  );
});

t.test('postgres: what an error means does not depend on the language of the server', (t) => {
  const error = (code: string) =>
    Object.assign(new DatabaseError('doppelter Schlüsselwert', 1, 'error'), { severity: 'FEHLER', code });
  t.equal(isAboutValues(error('23505')), true);
  t.equal(isAnswer(error('57014')), true, 'a statement timeout is rolled back');
  t.equal(isAnswer(error('57P01')), false, 'whose session was ended cannot know');
  t.equal(isAnswer(new Error('Query read timeout')), false);
  t.end();
});

t.test('postgres: what was swept is gone from the disk as well', async (t) => {
  const url = await ownDatabase();
  const store = await startedStore(t, url);
  const rooms = upTo(120).map((i) => `room-${i}`);
  await store.append(rooms.map((id) => append(id, ...messages(id, 1, 10))));
  await store.append([append('large', ...messages('large', 1, 3_000))]);
  await store.append(
    [...rooms, 'large'].map((id) => ({
      room: record(id, id === 'large' ? 3_000 : 10),
      events: [],
      purge_before: id === 'large' ? 2_991 : 10,
    })),
  );
  let sweeps = 1;
  while (await store.sweep()) sweeps += 1;
  t.ok(sweeps >= 4, `${sweeps} sweeps of a thousand events at most`);
  t.same(await queryPostgres(url, 'SELECT count(*)::int AS count FROM parlor.events'), [{ count: 130 }]);
  t.same(await seqsOf(store, 'room-7'), [10]);
});

t.test('postgres: a log that holds much that is forgotten is read in bounded steps', async (t) => {
  const store = await startedStore(t, await ownDatabase());
  await store.append([append('first', message('first', 1))]);
  for (let from = 1; from <= 45_000; from += 5_000)
    await store.append([append('large', ...messages('large', from, 5_000))]);
  await store.append([{ room: record('large', 45_000), events: [], purge_before: 45_000 }]);
  await store.append([append('last', message('last', 1))]);
  const pages = [await logOf(store, null, 10)];
  while (pages.at(-1)?.more) pages.push(await logOf(store, pages.at(-1)?.cursor ?? null, 10));
  t.same(
    pages.map(({ events }) => events.map(({ room_id, seq }) => `${room_id} ${seq}`)),
    [['first 1'], [], ['large 45000', 'last 1']],
  );
});

t.test('postgres: a read looks only at what it answers, in a large room as in a small one', async (t) => {
  const url = await ownDatabase();
  const store = await startedStore(t, url);
  const other = (room: string, seq: number): DurableEvent => ({
    ...{
      type: 'member_kicked',
      event_id: newId(),
      room_id: room,
      seq,
      at: new Date().toISOString(),
      user: 'bob',
    },
  });
  // Ten messages at each end of the large room, and fifty thousand other events between them.
  await store.append([append('small', ...messages('small', 1, 20))]);
  await store.append([append('large', ...messages('large', 1, 10))]);
  for (let from = 11; from <= 50_000; from += 5_000)
    await store.append([
      append('large', ...Array.from({ length: 5_000 }, (_, i) => other('large', from + i))),
    ]);
  const head = (await store.load('large'))?.head_seq ?? 0;
  await store.append([append('large', ...messages('large', head + 1, 10))]);
  const rooms = upTo(2_000).map((i) => `r-${i}`);
  await store.append(rooms.map((id) => append(id, message(id, 1))));
  const newest = await store.history({ room_id: 'large', limit: 1, messages_only: true });
  const id = newest[0]?.event_id ?? '';

  const client = new Client({ connectionString: url });
  await client.connect();
  t.teardown(() => client.end());
  const plan = async (name: keyof typeof READS, values: (string | number)[]): Promise<string> => {
    await client.query(`DEALLOCATE ALL; PREPARE ${name} AS ${READS[name]}`);
    const literals = values.map((value) => `'${value}'`).join(', ');
    const { rows } = await client.query<Record<string, string>>(
      `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF) EXECUTE ${name} (${literals})`,
    );
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  };
  const buffers = (text: string): number => {
    const [, hit, read] = /Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?/.exec(text) ?? [];
    return Number(hit ?? 0) + Number(read ?? 0);
  };
  const page = (room: string): [keyof typeof READS, (string | number)[]][] => [
    ['load', [room]],
    ['history_up', [room, 15, 1e15, 10]],
    ['history_down', [room, 0, 1e15, 10]],
    ['messages_up', [room, 5, 1e15, 10]],
    ['messages_down', [room, 0, 1e15, 15]],
  ];
  const others: [keyof typeof READS, (string | number)[]][] = [
    ['rooms', ['r-5', 10]],
    ['find_event', [id]],
    ['find_events', [`{${id},${newId()}}`]],
    ['log_bounds', [id]],
    ['log', [30_000, 1e15, 10]],
  ];
  // As the store connects, where no plan may depend on statistics, and with the planner's own choice.
  for (const setup of [readerSetup(10_000), 'RESET ALL; ANALYZE']) {
    await client.query(setup);
    for (const [name, values] of [...page('small'), ...page('large'), ...others]) {
      const text = await plan(name, values);
      t.notMatch(text, /Seq Scan on (events|rooms) |Sort|Bitmap/, name);
      t.ok(buffers(text) <= 100, `${name} ${values[0] ?? ''}: ${buffers(text)} pages\n${text}`);
    }
  }
});
