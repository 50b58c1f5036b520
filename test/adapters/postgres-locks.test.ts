import { Client } from 'pg';
import t, { type Test } from 'tap';
import { newId } from '../../engine/ids.js';
import type { Append } from '../../engine/ports.js';
import { append, message, messages, record } from '../conformance/store-fixture.js';
import { ownDatabase, queryPostgres, startPrivatePostgres } from '../support/postgres.js';
import { until } from '../support/until.js';
import {
  logLines,
  postgresStore,
  seqsOf,
  startedStore,
  upTo,
  whenBack,
  whenReady,
} from './postgres-fixture.js';

/** A session that has made some statements and keeps their locks; `release` rolls them back. */
async function holding(t: Test, url: string, text: string): Promise<{ release(): Promise<unknown> }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  t.teardown(() => client.end());
  await client.query(`BEGIN; ${text}`);
  return { release: () => client.query('ROLLBACK') };
}

/** What a backup holds for as long as it takes: every table, against those who would change its shape. */
async function backup(t: Test, url: string): Promise<{ release(): Promise<unknown> }> {
  const tables = (await queryPostgres(
    url,
    `SELECT tablename FROM pg_tables WHERE schemaname = 'parlor'`,
  )) as { tablename: string }[];
  const names = tables.map(({ tablename }) => `parlor.${tablename}`).join(', ');
  return holding(t, url, `LOCK TABLE ${names} IN ACCESS SHARE MODE`);
}

const END_SESSIONS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE application_name = 'parlor' AND datname = current_database()`;

t.test('while a backup is made, a node starts, and one that lost its connection recovers', async (t) => {
  const url = await ownDatabase();
  const log = logLines();
  const store = await startedStore(t, url, { log, timeoutMs: 1_000 });
  t.same(await store.append([append('room', message('room', 1))]), ['committed']);
  const dump = await backup(t, url);
  const other = await startedStore(t, url, { timeoutMs: 1_000 });
  t.match(other.state(), { ready: true });
  await queryPostgres(url, END_SESSIONS);
  await whenBack(log);
  t.same(await store.append([append('room', message('room', 2))]), ['committed']);
  t.same(await seqsOf(other, 'room'), [1, 2]);
  await dump.release();
});

t.test('asking whether it can write leaves nothing behind that is seen or grows', async (t) => {
  const url = await ownDatabase();
  const tables = `SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE nspname = 'parlor' ORDER BY relname`;
  await startedStore(t, url);
  const before = await queryPostgres(url, tables);
  await Promise.all(upTo(4).map(() => startedStore(t, url)));
  t.same(await queryPostgres(url, tables), before);
});

t.test('a node that starts behind somebody else’s lock waits for it', async (t) => {
  const server = await startPrivatePostgres();
  t.teardown(() => server.close());
  const { url } = server;
  await startedStore(t, url);
  const lock = await holding(t, url, 'LOCK TABLE pg_catalog.pg_class IN SHARE MODE');
  const log = logLines();
  const starting = postgresStore(t, url, { timeoutMs: 500, log }).start();
  await until(() => log.lines.some((line) => /waiting for.*timeout/.test(line)), {
    what: () => `it to wait: ${log.lines.join()}`,
  });
  await lock.release();
  await starting;
});

t.test('a room whose row somebody has locked fails alone', async (t) => {
  const url = await ownDatabase();
  const log = logLines();
  const store = await startedStore(t, url, { timeoutMs: 2_000, log });
  const rooms = upTo(300).map((i) => `room-${i}`);
  const next = (seq: number): Append[] => rooms.map((id) => append(id, message(id, seq)));
  t.same(new Set(await store.append(next(1))), new Set(['committed']));
  const lock = await holding(
    t,
    url,
    `SELECT 1 FROM parlor.rooms WHERE room_id IN ('room-7', 'room-200') FOR UPDATE`,
  );
  const results = await store.append([...next(2), append('room-7', message('room-7', 3))]);
  t.same(
    results.flatMap((result, i) => (result === 'committed' ? [] : [`${i} ${result}`])),
    ['6 failed', '199 failed', '300 fenced'],
  );
  t.match(store.state(), { ready: true });
  t.equal(log.lines.filter((line) => line.includes('locked')).length, 1);
  t.match(log.lines.join('\n'), /"room-7","room-200"/);
  await lock.release();
  t.same(await store.append([append('room-7', message('room-7', 2))]), ['committed']);
});

t.test('what somebody holds that is no row yet fails alone too', async (t) => {
  const url = await ownDatabase();
  const store = await startedStore(t, url, { timeoutMs: 2_000 });
  const lock = await holding(
    t,
    url,
    `INSERT INTO parlor.rooms (room_id, prior_seq, head_seq, first_seq, swept_seq, messages, status, created_at)
      VALUES ('room-9', 0, 1, 1, 1, 0, 'open', now())`,
  );
  const results = await store.append(upTo(20).map((i) => append(`room-${i}`, message(`room-${i}`, 1))));
  t.same(
    results.flatMap((result, i) => (result === 'committed' ? [] : [`${i} ${result}`])),
    ['8 failed'],
  );
  await lock.release();
});

t.test('a table that is locked fails every append, within a bounded time, and is told', async (t) => {
  const url = await ownDatabase();
  const log = logLines();
  const store = await startedStore(t, url, { timeoutMs: 500, log });
  await store.append([append('room', message('room', 1))]);
  const lock = await holding(t, url, 'LOCK TABLE parlor.rooms IN EXCLUSIVE MODE');
  const appends = upTo(100).map((i) => append(`room-${i}`, message(`room-${i}`, 1)));
  await t.rejects(store.append(appends), { message: /lock timeout/ });
  t.match(log.lines.join('\n'), /cannot be written.*lock timeout/);
  await lock.release();
  await whenReady(store);
  t.same(new Set(await store.append(appends)), new Set(['committed']));
});

t.test('a lock that does not show is looked for within bounds, however many appends it keeps', async (t) => {
  const url = await ownDatabase();
  const log = logLines();
  const store = await startedStore(t, url, { timeoutMs: 500, log });
  const lock = await holding(t, url, 'LOCK TABLE parlor.events IN EXCLUSIVE MODE');
  const appends = upTo(1_000).map((i) => append(`room-${i}`, message(`room-${i}`, 1)));
  t.same(new Set(await store.append(appends)), new Set(['failed']));
  const refused = log.lines.filter((line) => line.includes('an append was refused'));
  t.ok(refused.length < 50, `${refused.length} tried alone`);
  t.match(log.lines.join('\n'), /cannot be written.*lock timeout/);
  await lock.release();
  await whenReady(store);
  t.same(new Set(await store.append(appends)), new Set(['committed']));
});

t.test('one slow read does not keep others from writing', async (t) => {
  const url = await ownDatabase();
  const log = logLines();
  const store = await startedStore(t, url, { timeoutMs: 500, log });
  await store.append([append('room', message('room', 1))]);
  const lock = await holding(t, url, 'LOCK TABLE parlor.events IN ACCESS EXCLUSIVE MODE');
  await t.rejects(seqsOf(store, 'room'), { message: /statement timeout/ });
  t.match(store.state(), { ready: true, reason: null });
  await lock.release();
  t.same(await seqsOf(store, 'room'), [1]);
  t.notMatch(log.lines.join('\n'), /not ready/);
});

t.test('a commit that takes longer than a statement may is made in parts', async (t) => {
  const url = await ownDatabase();
  const store = await startedStore(t, url, { timeoutMs: 1_000 });
  // 2 ms for each event, and for one of them longer than there is.
  await queryPostgres(
    url,
    `CREATE FUNCTION parlor.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_catalog.pg_sleep(CASE NEW.text WHEN 'endless' THEN 60 ELSE 0.002 END); RETURN NEW;
      END $$`,
  );
  await queryPostgres(
    url,
    `CREATE TRIGGER slow BEFORE INSERT ON parlor.events FOR EACH ROW EXECUTE FUNCTION parlor.slow()`,
  );
  const rooms = upTo(600).map((i) => `room-${i}`);
  const results = await store.append(rooms.map((id) => append(id, message(id, 1))));
  t.same(new Set(results), new Set(['committed']));
  const again = await store.append(
    rooms.slice(0, 16).map((id, i) => append(id, message(id, 2, i === 3 ? 'endless' : 'quick'))),
  );
  t.same(
    again.flatMap((result, i) => (result === 'committed' ? [] : [`${i} ${result}`])),
    ['3 failed'],
  );
  await whenReady(store);
});

t.test('ids that are there already are found all at once', async (t) => {
  const server = await startPrivatePostgres();
  t.teardown(() => server.close());
  const { url } = server;
  const store = await startedStore(t, url);
  const [there, forgotten, twice] = [newId(), newId(), newId()];
  await store.append([append('old', message('old', 1, 'gone', forgotten), message('old', 2, 'hi', there))]);
  await store.append([{ room: record('old', 2), events: [], purge_before: 2 }]);
  await store.append([append('moved', ...messages('moved', 1, 2))]);
  const calls: Append[] = [
    append('a', message('a', 1, '', there)),
    append('a', message('a', 2)),
    append('e', message('e', 1)),
    append('b', message('b', 1, '', twice)),
    append('c', message('c', 1, '', twice.toUpperCase())),
    append('d', message('d', 1, '', forgotten)),
    append('moved', message('moved', 2, '', there)),
    ...upTo(400).map((i) => append(`room-${i}`, message(`room-${i}`, 1))),
    ...upTo(50).map((i) => append(`late-${i}`, message(`late-${i}`, 1, '', there))),
  ];
  const before = await transactions(url);
  const results = await store.append(calls);
  t.same(results.slice(0, 7), [
    ...['duplicate', 'fenced', 'committed', 'committed', 'duplicate', 'committed', 'fenced'],
  ]);
  t.same(new Set(results.slice(7, 407)), new Set(['committed']));
  t.same(new Set(results.slice(407)), new Set(['duplicate']));
  t.equal((await store.findEvent(twice))?.room_id, 'b');
  const made = (await transactions(url)) - before;
  t.ok(made < 12, `in ${made} transactions`);
});

/** How many transactions have written, or tried to, on a server so far. */
async function transactions(url: string): Promise<number> {
  const [row] = await queryPostgres(url, 'SELECT txid_current()::int AS count');
  return (row as { count: number }).count;
}
