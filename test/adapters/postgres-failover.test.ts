import t from 'tap';
import { append, message } from '../conformance/store-fixture.js';
import { ownDatabase, queryPostgres, startPrivatePostgres } from '../support/postgres.js';
import { until } from '../support/until.js';
import {
  logLines,
  messageOf,
  postgresStore,
  seqsOf,
  startedStore,
  whenBack,
  whenReady,
} from './postgres-fixture.js';

t.test(
  'a database that is read-only is refused at start, and while running it is not ready until it is not',
  async (t) => {
    const url = await ownDatabase();
    const name = new URL(url).pathname.slice(1);
    const log = logLines();
    const store = await startedStore(t, url, { log });
    await store.append([append('room', message('room', 1))]);
    const readOnly = async (value: string): Promise<void> => {
      const writable = `${url}?options=${encodeURIComponent('-c default_transaction_read_only=off')}`;
      await queryPostgres(writable, `ALTER DATABASE ${name} SET default_transaction_read_only = ${value}`);
      await queryPostgres(
        url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'parlor' AND datname = $1`,
        [name],
      );
    };
    await readOnly('on');
    await until(() => /read-only/.test(store.state().reason ?? ''), {
      what: 'it to say that it is read-only',
    });
    t.match(store.state(), { ready: false });
    await t.rejects(store.append([append('room', message('room', 2))]), { message: /read-only/ });
    await t.rejects(
      store.load('room'),
      { message: /read-only/ },
      'nor read: the truth may be elsewhere by now',
    );
    t.match(await messageOf(postgresStore(t, url).start()), /is read-only/);

    await readOnly('off');
    await until(() => store.state().ready, { what: 'it to be ready again' });
    t.same(await store.append([append('room', message('room', 2))]), ['committed']);
    t.equal(log.lines.filter((line) => line.includes('can be written again')).length >= 1, true);
  },
);

t.test('a standby is neither written to nor read from; once it is promoted, all is well again', async (t) => {
  const server = await startPrivatePostgres();
  t.teardown(() => server.close());
  const store = await startedStore(t, server.url, { timeoutMs: 2_000 });
  await store.append([append('room', message('room', 1))]);
  t.equal((await store.load('room'))?.head_seq, 1);

  // The server itself writes the file that makes it a standby: it may live in a container.
  const [place] = (await queryPostgres(server.url, 'SHOW data_directory')) as [{ data_directory: string }];
  await queryPostgres(server.url, `COPY (SELECT 1) TO '${place.data_directory}/standby.signal'`);
  await server.stop();
  await server.start();
  t.same(await queryPostgres(server.url, 'SELECT pg_is_in_recovery() AS standby'), [{ standby: true }]);
  await until(() => /read-only: this server is a standby/.test(store.state().reason ?? ''), {
    timeoutMs: 30_000,
    what: () => `it to say what it has found: ${store.state().reason}`,
  });
  await t.rejects(store.load('room'), { message: /standby/ });
  await t.rejects(store.log(null, 10), { message: /standby/ });
  await t.rejects(store.append([append('room', message('room', 2))]), { message: /standby/ });

  await queryPostgres(server.url, 'SELECT pg_promote()');
  await whenReady(store);
  t.same(await store.append([append('room', message('room', 2))]), ['committed']);
  t.same(await seqsOf(store, 'room'), [1, 2]);
});

t.test('who answers that it is read-only is not asked again on the same connection', async (t) => {
  const server = await startPrivatePostgres();
  t.teardown(() => server.close());
  const log = logLines();
  const store = await startedStore(t, server.url, { timeoutMs: 2_000, pool: 1, log });
  await store.append([append('room', message('room', 1))]);
  t.equal((await store.load('room'))?.head_seq, 1);
  const sessions = async (): Promise<number[]> => {
    const rows = await queryPostgres(
      server.url,
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'parlor'`,
    );
    return (rows as { pid: number }[]).map(({ pid }) => pid);
  };
  const before = await sessions();
  t.equal(before.length, 2);

  // Sessions that are there become read-only and stay so; new ones are not: as with an address that leads elsewhere.
  await queryPostgres(server.url, 'ALTER ROLE parlor SET default_transaction_read_only = off');
  await queryPostgres(server.url, 'ALTER SYSTEM SET default_transaction_read_only = on');
  await queryPostgres(server.url, 'SELECT pg_reload_conf()');
  await until(
    () =>
      store.append([{ room: { ...append('other').room, head_seq: 0 }, events: [] }]).then(
        () => false,
        (error: unknown) => /read-only/.test((error as Error).message),
      ),
    { what: 'the open session to be read-only' },
  );
  t.match(log.lines.join('\n'), /cannot be written.*is read-only/);
  await whenReady(store);
  t.same(await store.append([append('room', message('room', 2))]), ['committed']);
  t.same(await seqsOf(store, 'room'), [1, 2]);
  const after = await sessions();
  t.same(
    after.filter((pid) => before.includes(pid)),
    [],
    'also who reads has a new connection',
  );
});

t.test('when the connection that writes is lost, those that read are made anew with it', async (t) => {
  const url = await ownDatabase();
  const log = logLines();
  const store = await startedStore(t, url, { log, pool: 1 });
  await store.append([append('room', message('room', 1))]);
  await store.load('room');
  const reader = `SELECT pid FROM pg_stat_activity
    WHERE application_name = 'parlor' AND datname = current_database() AND query LIKE '%FROM parlor.rooms r WHERE r.room_id%'
      AND query NOT LIKE '%INSERT%'`;
  const before = await queryPostgres(url, reader);
  t.equal(before.length, 1);
  await queryPostgres(
    url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'parlor' AND datname = current_database() AND query LIKE '%INSERT INTO parlor.rooms%'`,
  );
  await whenBack(log);
  t.equal((await store.load('room'))?.head_seq, 1);
  await until(
    async () => {
      const now = await queryPostgres(url, reader);
      return now.length === 1 && JSON.stringify(now) !== JSON.stringify(before);
    },
    { what: 'another session to read' },
  );
});
