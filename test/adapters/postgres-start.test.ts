import { Client } from 'pg';
import t from 'tap';
import { migrate, MIGRATIONS } from '../../adapters/postgres/schema.js';
import { append, AT, message } from '../conformance/store-fixture.js';
import { freePorts } from '../support/ports.js';
import { ownDatabase, queryPostgres, startPrivatePostgres } from '../support/postgres.js';
import { until } from '../support/until.js';
import { logLines, logOf, messageOf, postgresStore, startedStore, upTo } from './postgres-fixture.js';

/** The same database for another user. */
function as(url: string, user: string, password = ''): string {
  const other = new URL(url);
  other.username = user;
  other.password = password;
  return other.href;
}

t.test('nodes that start at once on an empty database are all fine', async (t) => {
  const url = await ownDatabase();
  const stores = upTo(5).map(() => postgresStore(t, url));
  await Promise.all(stores.map((store) => store.start()));
  t.same(
    await queryPostgres(url, 'SELECT version FROM parlor.schema_version ORDER BY version'),
    MIGRATIONS.map((_, i) => ({ version: i + 1 })),
    'each migration was made once',
  );
  t.equal(new Set(stores.map((store) => store.identity().id)).size, 1, 'and they are one store');
  for (const [i, store] of stores.entries())
    t.same(await store.append([append('room', message('room', i + 1))]), ['committed']);
});

t.test('a database of the first version is given an id of its own, and keeps what it holds', async (t) => {
  const url = await ownDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  t.teardown(() => client.end());
  await migrate(client, MIGRATIONS.slice(0, 1));
  await client.query(
    `INSERT INTO parlor.rooms (room_id, prior_seq, head_seq, first_seq, swept_seq, messages, status, created_at)
     VALUES ('old', 6, 7, 1, 1, 7, 'open', now())`,
  );
  const store = await startedStore(t, url);
  t.match(store.identity().id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  t.equal((await store.load('old'))?.head_seq, 7);
  t.not((await startedStore(t, await ownDatabase())).identity().id, store.identity().id);
});

t.test('a database of the second version keeps what it holds, and can keep revocations', async (t) => {
  const url = await ownDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  t.teardown(() => client.end());
  await migrate(client, MIGRATIONS.slice(0, 2));
  const [identity] = await queryPostgres(url, 'SELECT uuid AS id FROM parlor.identity');
  const store = await startedStore(t, url);
  t.match(store.identity(), identity ?? {}, 'it is the same store');
  const revoked = { user: 'ann', revoked_at: AT };
  t.same(await store.revocations(), []);
  await store.revoke(revoked);
  t.same(await store.revocations(), [revoked]);
});

t.test('a migration that is interrupted half way has done nothing, and the next start does it', async (t) => {
  const url = await ownDatabase();
  const half = `${MIGRATIONS[0]}; SELECT pg_sleep(600)`;
  const client = new Client({ connectionString: url, application_name: 'interrupted' });
  client.on('error', () => undefined); // `migrate` rejects with it.
  await client.connect();
  const migrating = t.rejects(migrate(client, [half]));
  const kill = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'interrupted' AND wait_event = 'PgSleep'`;
  await until(async () => (await queryPostgres(url, kill)).length === 1, {
    what: 'the migration to be half way',
  });
  await migrating;
  const schemas = `SELECT nspname FROM pg_namespace WHERE nspname = 'parlor'`;
  await until(async () => (await queryPostgres(url, schemas)).length === 0, { what: 'it to be rolled back' });
  const store = await startedStore(t, url);
  t.same(await store.append([append('room', message('room', 1))]), ['committed']);
});

t.test('a migration that fails has done nothing either', async (t) => {
  const url = await ownDatabase();
  await startedStore(t, url);
  const client = new Client({ connectionString: url });
  await client.connect();
  t.teardown(() => client.end());
  await t.rejects(migrate(client, [...MIGRATIONS, 'CREATE TABLE parlor.more (id int)', 'SELECT 1 / 0']), {
    message: /division by zero/,
  });
  t.same(await queryPostgres(url, `SELECT to_regclass('parlor.more') AS more`), [{ more: null }]);
  await migrate(client, [...MIGRATIONS, 'CREATE TABLE parlor.more (id int)']);
  t.same(await queryPostgres(url, 'SELECT max(version) AS version FROM parlor.schema_version'), [
    { version: MIGRATIONS.length + 1 },
  ]);
});

t.test('a database of a newer version is refused with one line, and not touched', async (t) => {
  const url = await ownDatabase();
  await startedStore(t, url);
  await queryPostgres(url, 'INSERT INTO parlor.schema_version (version) VALUES (7)');
  const store = postgresStore(t, url);
  const text = await messageOf(store.start());
  const known = MIGRATIONS.length;
  t.ok(
    text.endsWith(
      `the database is of version 7, this Parlor knows up to ${known}: use a newer Parlor, or a backup`,
    ),
    text,
  );
  t.notMatch(text, /\n/);
  t.match(store.state(), { ready: false });
});

t.test('a node that starts before its database waits for it', async (t) => {
  const server = await startPrivatePostgres();
  t.teardown(() => server.close());
  await server.stop();
  const log = logLines();
  const store = postgresStore(t, server.url, { log });
  const starting = store.start();
  await until(() => log.lines.some((line) => line.includes('waiting for')), { what: 'it to wait' });
  await server.start();
  await starting;
  t.match(store.state(), { ready: true, reason: null });
});

t.test('who cannot get in is told at once what to do, in one line without the password', async (t) => {
  const server = await startPrivatePostgres();
  t.teardown(() => server.close());
  await queryPostgres(server.url, `CREATE ROLE guarded LOGIN PASSWORD 'right'`);
  await queryPostgres(server.url, 'REVOKE CREATE ON DATABASE postgres FROM PUBLIC');
  // The server itself writes the file: it may live in a container.
  const [hba] = (await queryPostgres(server.url, `SELECT current_setting('hba_file') AS file`)) as [
    { file: string },
  ];
  const lines = ['host all guarded 127.0.0.1/32 scram-sha-256', 'host all all 127.0.0.1/32 trust'];
  await queryPostgres(server.url, `COPY (SELECT unnest(ARRAY['${lines.join("','")}'])) TO '${hba.file}'`);
  await queryPostgres(server.url, 'SELECT pg_reload_conf()');
  await until(
    async () =>
      (await messageOf(queryPostgres(as(server.url, 'guarded', 'no'), 'SELECT 1'))).includes('password'),
    {
      what: 'the server to ask for passwords',
    },
  );

  const [closedPort] = (await freePorts(1)) as [number];
  const secret = 'hunter2-%2F';
  for (const [url, expected] of [
    [
      as(server.url, 'guarded', secret),
      /127\.0\.0\.1:\d+\/postgres: password authentication failed.*DATABASE_URL/,
    ],
    [as(server.url, 'guarded'), /password.*DATABASE_URL/],
    [as(server.url, 'nobody-here', secret), /role "nobody-here" does not exist/],
    [as(server.url, 'guarded', 'right'), /permission denied.*GRANT CREATE ON DATABASE postgres TO guarded/],
    [as(server.url, 'parlor', secret).replace('/postgres', '/missing'), /no database missing: create it/],
    [
      `postgres://parlor:${secret}@127.0.0.1:${closedPort}/parlor`,
      /127\.0\.0\.1:\d+\/parlor: .*ECONNREFUSED/,
    ],
  ] as const) {
    const log = logLines();
    const text = await messageOf(postgresStore(t, url, { log }).start());
    t.match(text, expected);
    for (const said of [text, ...log.lines]) t.notMatch(said, /hunter2|\n/);
  }
  t.throws(() => postgresStore(t, `postgres://parlor:${secret}@db/parlor?sslrootcert=/nope/ca.crt`), {
    message: /^DATABASE_URL names a file that cannot be read: \/nope\/ca\.crt \(ENOENT\)$/,
  });
  t.throws(() => postgresStore(t, `postgres://parlor:${secret}@[::bad`), {
    message: /^(?!.*hunter2).*DATABASE_URL/,
  });
});

t.test('a copy whose sequence begins anew goes on after the events that it holds', async (t) => {
  const url = await ownDatabase();
  const before = await startedStore(t, url);
  await before.append([append('room', message('room', 1), message('room', 2))]);
  await before.close();
  await queryPostgres(url, `SELECT setval('parlor.events_position_seq', 1)`);
  const store = await startedStore(t, url);
  t.same(await store.append([append('room', message('room', 3))]), ['committed']);
  t.same(
    (await logOf(store, null, 10)).events.map(({ seq }) => seq),
    [1, 2, 3],
  );
});
