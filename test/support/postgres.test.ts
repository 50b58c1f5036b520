import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { accepts } from './ports.js';
import { ownDatabase, queryPostgres, startPrivatePostgres } from './postgres.js';
import { postgresAnswers } from './postgres-private.js';
import { until } from './until.js';

async function count(url: string): Promise<unknown> {
  return (await queryPostgres(url, 'SELECT count(*)::int AS count FROM kept'))[0];
}

t.test('a private server keeps its URL and its data over a stop and over a kill', async (t) => {
  const server = await startPrivatePostgres();
  t.teardown(() => server.close());
  await queryPostgres(server.url, 'CREATE TABLE kept (text text)');
  await queryPostgres(server.url, `INSERT INTO kept VALUES ('first')`);

  await server.stop();
  t.equal(await accepts(server.port), false);
  await server.start();
  t.same(await count(server.url), { count: 1 });

  await queryPostgres(server.url, `INSERT INTO kept VALUES ('second')`);
  const before = server.pid;
  await server.kill();
  t.equal(await accepts(server.port), false);
  await server.start();
  t.not(server.pid, before);
  t.same(await count(server.url), { count: 2 });

  await server.freeze();
  t.not(await postgresAnswers(server.url), true, 'a frozen server answers nobody');
  await server.thaw();
  t.same(await count(server.url), { count: 2 });
  await server.close();
  t.equal(await accepts(server.port), false);
});

t.test('a private server is as careful with its data as a real one', async (t) => {
  const server = await startPrivatePostgres();
  t.teardown(() => server.close());
  for (const setting of ['fsync', 'full_page_writes', 'synchronous_commit'])
    t.same(await queryPostgres(server.url, `SELECT current_setting('${setting}') AS value`), [
      { value: 'on' },
    ]);
});

t.test('a private server ends with the process that started it, even when that one is killed', async (t) => {
  const module = JSON.stringify(new URL('./postgres.js', import.meta.url).href);
  const source = `const { startPrivatePostgres } = await import(${module});
    console.log((await startPrivatePostgres()).port);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => owner.kill('SIGKILL'));
  const [printed] = (await once(owner.stdout, 'data')) as [Buffer];
  const port = Number(printed.toString());
  t.equal(await accepts(port), true);
  owner.kill('SIGKILL');
  await until(async () => !(await accepts(port)), { what: 'the server to be gone' });
});

t.test('two databases of one file do not meet', async (t) => {
  const [first, second] = [await ownDatabase(), await ownDatabase()];
  await queryPostgres(first, 'CREATE TABLE kept (text text)');
  t.same(await count(first), { count: 0 });
  await t.rejects(count(second), { message: /does not exist/ });
});
