import { Client } from 'pg';
import t, { type Test } from 'tap';
import { groupsOf, parametersOf } from '../../adapters/postgres/batch.js';
import { STORE_ROOMS_AND_EVENTS } from '../../adapters/postgres/statements.js';
import { newId } from '../../engine/ids.js';
import type { Append, AppendResult } from '../../engine/ports.js';
import { append, AT, message, messages } from '../conformance/store-fixture.js';
import { ownDatabase, queryPostgres } from '../support/postgres.js';
import { until } from '../support/until.js';
import { logOf, seqsOf, startedStore, upTo } from './postgres-fixture.js';

async function connected(t: Test, url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  t.teardown(() => client.end());
  return client;
}

/** Makes an append as another node would, in a transaction that stays open. */
async function appendOpenly(client: Client, appends: readonly Append[]): Promise<void> {
  await client.query('BEGIN');
  await client.query(STORE_ROOMS_AND_EVENTS.text, parametersOf(appends, groupsOf(appends).groups));
}

t.test(
  'two nodes that both believe to be home: of each seq one is committed, the other fenced',
  async (t) => {
    const url = await ownDatabase();
    const first = await startedStore(t, url);
    const nodes = [first, await startedStore(t, url)];
    for (const seq of upTo(100)) {
      const rivals = nodes.map(() => message('contested', seq));
      const results = await Promise.all(
        nodes.map((node, i) => node.append([append('contested', rivals[i] ?? message('contested', seq))])),
      );
      t.same(results.flat().sort(), ['committed', 'fenced']);
      const winner = results.findIndex(([result]) => result === 'committed');
      t.equal((await first.findEvent(rivals[winner]?.event_id ?? ''))?.seq, seq);
      t.equal(await first.findEvent(rivals[1 - winner]?.event_id ?? ''), null);
    }
    t.same(await seqsOf(first, 'contested'), upTo(100));
  },
);

t.test(
  'two nodes that write the same many rooms at once: every seq has one winner, none fails',
  async (t) => {
    const url = await ownDatabase();
    const [first, second] = [await startedStore(t, url), await startedStore(t, url)];
    const rooms = upTo(200).map((i) => `room-${i}`);
    for (const seq of upTo(10)) {
      const one = rooms.map((room) => append(room, message(room, seq)));
      const other = rooms.map((room) => append(room, message(room, seq))).reverse();
      const [a, b] = await Promise.all([first.append(one), second.append(other)]);
      b.reverse();
      const pairs = rooms.map((_, i) => [a[i], b[i]].sort().join());
      t.same(new Set(pairs), new Set(['committed,fenced']));
    }
    t.same(await queryPostgres(url, 'SELECT count(*)::int AS count FROM parlor.events'), [{ count: 2_000 }]);
  },
);

t.test('two nodes that post the same message at once: it is stored once', async (t) => {
  const url = await ownDatabase();
  const [first, second] = [await startedStore(t, url), await startedStore(t, url)];
  for (const i of upTo(30)) {
    const id = newId();
    const results: AppendResult[][] = await Promise.all([
      first.append([append(`a-${i}`, message(`a-${i}`, 1, 'hi', id))]),
      second.append([append(`b-${i}`, message(`b-${i}`, 1, 'hi', id))]),
    ]);
    t.same(results.flat().sort(), ['committed', 'duplicate']);
  }
});

t.test('a node that waited for another one’s commit is fenced by what that one left', async (t) => {
  const url = await ownDatabase();
  const store = await startedStore(t, url);
  await store.append([append('known', message('known', 1))]);
  for (const [room, seq] of [
    ['known', 2],
    ['new', 1],
  ] as const) {
    const other = await connected(t, url);
    await appendOpenly(other, [append(room, message(room, seq))]);
    const waiting = store.append([append(room, message(room, seq))]);
    await until(async () => (await queryPostgres(url, WAITING)).length === 1, { what: 'it to wait' });
    await other.query('COMMIT');
    t.same(await waiting, ['fenced'], room);
    t.same(await store.append([append(room, message(room, seq + 1))]), ['committed']);
  }
});

t.test('a node that waited for another one’s rollback is committed', async (t) => {
  const url = await ownDatabase();
  const store = await startedStore(t, url);
  const other = await connected(t, url);
  await appendOpenly(other, [append('room', message('room', 1))]);
  const waiting = store.append([append('room', ...messages('room', 1, 2))]);
  await until(async () => (await queryPostgres(url, WAITING)).length === 1, { what: 'it to wait' });
  await other.query('ROLLBACK');
  t.same(await waiting, ['committed']);
  t.same(await seqsOf(store, 'room'), [1, 2]);
});

const WAITING = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'parlor' AND wait_event_type = 'Lock'
  AND datname = current_database()`;

t.test('the log skips nothing that another node commits later than what came after it', async (t) => {
  const url = await ownDatabase();
  const store = await startedStore(t, url);
  await store.append([append('before', message('before', 1))]);
  const slow = await connected(t, url);
  await appendOpenly(slow, [append('slow', ...messages('slow', 1, 3))]);
  await store.append([append('fast', ...messages('fast', 1, 3))]);

  const { events: seen, cursor } = await logOf(store, null, 100);
  t.same(
    seen.map(({ room_id }) => room_id),
    ['before'],
    'not further than to what is still open',
  );
  await slow.query('COMMIT');
  const { events: rest, cursor: end } = await logOf(store, cursor, 100);
  t.same(
    rest.map(({ room_id, seq }) => `${room_id} ${seq}`),
    ['slow 1', 'slow 2', 'slow 3', 'fast 1', 'fast 2', 'fast 3'],
  );

  const lost = await connected(t, url);
  await appendOpenly(lost, [append('lost', message('lost', 1))]);
  await store.append([append('fast', message('fast', 4))]);
  await lost.query('ROLLBACK');
  const { events: last } = await logOf(store, end, 100);
  t.same(
    last.map(({ room_id, seq }) => `${room_id} ${seq}`),
    ['fast 4'],
    'what was rolled back holds nothing up',
  );
});

t.test('somebody else’s long transaction does not hold the log up', async (t) => {
  const url = await ownDatabase();
  const store = await startedStore(t, url);
  const other = await connected(t, url);
  await other.query('BEGIN; CREATE TABLE elsewhere (id int); SELECT pg_advisory_xact_lock_shared(1)');
  await store.append([append('room', message('room', 1))]);
  t.equal((await logOf(store, null, 10)).events.length, 1);
  await other.query('ROLLBACK');
});

t.test(
  'a reader of the log that follows many writers sees every event once, each room in order',
  async (t) => {
    const url = await ownDatabase();
    const nodes = [await startedStore(t, url), await startedStore(t, url), await startedStore(t, url)];
    const reader = await startedStore(t, url);
    const PER_NODE = 60;
    let writing = true;
    const writers = Promise.all(
      nodes.map(async (node, n) => {
        for (const seq of upTo(PER_NODE)) await node.append([append(`room-${n}`, message(`room-${n}`, seq))]);
      }),
    ).finally(() => (writing = false));
    const seen = new Map<string, number[]>();
    let after: string | null = null;
    for (let more = true; more;) {
      more = writing;
      const page = await logOf(reader, after, 7);
      after = page.cursor;
      for (const event of page.events) {
        more = true;
        seen.set(event.room_id, [...(seen.get(event.room_id) ?? []), event.seq]);
      }
    }
    await writers;
    for (const n of nodes.keys()) t.same(seen.get(`room-${n}`), upTo(PER_NODE));
  },
);

t.test(
  'two nodes that forget and sweep the same room at once forget what they should, and no more',
  async (t) => {
    const url = await ownDatabase();
    const first = await startedStore(t, url);
    const nodes = [first, await startedStore(t, url)];
    await first.append([append('room', ...messages('room', 1, 5_000))]);
    await Promise.all(
      nodes.map(async (node) => {
        while (await node.retain('room', { max_messages: 100, not_before: null })) await node.sweep();
        while (await node.sweep());
      }),
    );
    t.same(await seqsOf(first, 'room'), upTo(5_000).slice(-100));
    t.same(await queryPostgres(url, 'SELECT count(*)::int AS count FROM parlor.events'), [{ count: 100 }]);
  },
);

t.test('what one node revokes, the others read, and any of them can take it back', async (t) => {
  const url = await ownDatabase();
  const [first, second] = [await startedStore(t, url), await startedStore(t, url)];
  const revoked = { user: 'ann', revoked_at: AT };
  await first.revoke(revoked);
  t.same(await second.revocations(), [revoked]);
  t.equal(await second.unrevoke('user:ann'), true);
  t.equal(await first.unrevoke('user:ann'), false);
  t.same(await first.revocations(), []);
});

/** A store with two revocations that are over, and a connection as another node has it. */
async function withOver(t: Test) {
  const url = await ownDatabase();
  // Nobody is to give up on a lock while the test has not come to its end.
  const store = await startedStore(t, url, { timeoutMs: 60_000 });
  const at = (ms: number): string => new Date(Date.parse(AT) + ms).toISOString();
  for (const user of ['ann', 'bob']) await store.revoke({ user, revoked_at: at(0), until: at(1) });
  return { url, store, at, other: await connected(t, url) };
}

t.test(
  'a revocation that another node is just changing is forgotten later, and holds nobody up',
  async (t) => {
    const { store, at, other } = await withOver(t);
    await other.query(`BEGIN; UPDATE parlor.revocations SET revoked_ms = 0 WHERE key = 'user:ann'`);
    const next = { user: 'eve', revoked_at: at(5) };
    await store.revoke(next);
    t.same(await store.revocations(), [{ user: 'ann', revoked_at: at(0), until: at(1) }, next]);
    await other.query('COMMIT');
    await store.revoke(next);
    t.same(await store.revocations(), [next]);
  },
);

t.test('nodes that revoke at once what each other would forget both succeed', async (t) => {
  const { url, store, at, other } = await withOver(t);
  await other.query(`BEGIN; UPDATE parlor.revocations SET revoked_ms = 0 WHERE key = 'user:bob'`);
  const bob = { user: 'bob', revoked_at: at(5) };
  const revoking = store.revoke(bob);
  await until(async () => (await queryPostgres(url, WAITING)).length === 1, { what: 'it to wait' });
  await other.query(`DELETE FROM parlor.revocations WHERE key = 'user:ann'; COMMIT`);
  await revoking;
  t.same(await store.revocations(), [bob]);
});
