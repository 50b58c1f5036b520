import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runParlor, startParlor, type Env, type Parlor } from '../support/parlor.js';
import { ownDatabase } from '../support/postgres.js';
import { ownVhost } from '../support/rabbitmq.js';
import { warnings } from './support/warnings.js';

t.setTimeout(120_000);

/** Starts the program, which must end with one line that fits. */
async function doesNotStart(t: Test, env: Env, says: RegExp): Promise<void> {
  const { code, stderr } = await runParlor({ PORT: '0', ...env });
  t.equal(code, 1, `exit code ${String(code)}`);
  t.match(stderr, says);
  t.equal(stderr.trimEnd().split('\n').length, 1, `one line: ${stderr.trimEnd()}`);
}

async function start(t: Test, env: Env): Promise<Parlor> {
  const parlor = await startParlor(env);
  t.teardown(() => parlor.end('SIGKILL'));
  return parlor;
}

t.test('a node on another store, or with other PARTITIONS, does not join a cluster', async (t) => {
  const rabbit = { BROKER: 'rabbitmq', AMQP_URL: await ownVhost(), PARTITIONS: '4' };
  const postgres = { STORE: 'postgres', DATABASE_URL: await ownDatabase(), DATABASE_POOL: '1' };
  const folder = mkdtempSync(join(tmpdir(), 'parlor-one-store-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const first = await start(t, { ...rabbit, ...postgres });
  const alice = await first.join('42', 'user=alice');

  const other = { ...postgres, DATABASE_URL: await ownDatabase() };
  await doesNotStart(
    t,
    { ...rabbit, ...other },
    /^parlor: the virtual host .* belongs to a cluster with the store /,
  );
  await doesNotStart(
    t,
    { ...rabbit, ...postgres, PARTITIONS: '8' },
    /^parlor: the virtual host .* with PARTITIONS=4, and this node has PARTITIONS=8/,
  );
  const file = { STORE: 'sqlite', SQLITE_PATH: join(folder, 'parlor.db') };
  await doesNotStart(
    t,
    { ...rabbit, ...file },
    /^parlor: the virtual host .* belongs to a cluster with the store /,
  );
  await doesNotStart(t, { ...rabbit, STORE: 'memory' }, /^parlor: the virtual host .* with a durable store/);

  const second = await start(t, { ...rabbit, ...postgres });
  t.equal((await second.post('42', { user: 'bob', text: 'Hello' })).status, 201);
  t.match(await alice.next('message'), { text: 'Hello', seq: 1 });
  t.same(alice.of('error'), [], 'nobody was disturbed');
  t.equal((await first.get('/health/ready')).status, 200);
});

t.test(
  'with a SQLite file the node finds its virtual host again, and it is told to stay alone',
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'parlor-one-store-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const rabbit = { BROKER: 'rabbitmq', AMQP_URL: await ownVhost(), PARTITIONS: '4' };
    const at = (name: string) => ({ ...rabbit, STORE: 'sqlite', SQLITE_PATH: join(folder, name) });
    const first = await start(t, at('parlor.db'));
    t.equal((await first.post('42', { text: 'kept' })).status, 201);
    const told = warnings(first);
    t.equal(told.length, 1);
    t.match(told[0]?.msg, /the only node on its virtual host/);
    await first.end('SIGKILL');
    await doesNotStart(t, at('other.db'), /belongs to a cluster with the store /);
    const again = await start(t, at('parlor.db'));
    t.equal((await again.post('42', { text: 'and more' })).status, 201);
  },
);

t.test('with STORE=memory there is one node at a time, and the next one finds the place free', async (t) => {
  const env = { BROKER: 'rabbitmq', AMQP_URL: await ownVhost(), PARTITIONS: '4', STORE: 'memory' };
  const first = await start(t, env);
  t.equal((await first.post('42', { text: 'here' })).status, 201);
  await doesNotStart(
    t,
    env,
    /^parlor: the virtual host .* is used by a node whose store no other process can use/,
  );
  t.equal((await first.post('42', { text: 'still here' })).status, 201);
  await first.end('SIGKILL');
  const next = await start(t, env);
  t.equal((await next.post('42', { text: 'another one' })).status, 201);
});
