import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import t from 'tap';
import { until } from './until.js';

/** Asks for the files of two SQLite stores, makes them, and says where they are. */
const SOURCE = `
  import { writeFileSync } from 'node:fs';
  const { STORES } = await import(${JSON.stringify(new URL('./stores.js', import.meta.url).href)});
  const sqlite = STORES.find(({ name }) => name === 'sqlite');
  const paths = [(await sqlite.env()).SQLITE_PATH, (await sqlite.env()).SQLITE_PATH];
  for (const path of paths) writeFileSync(path, 'a database');
  console.log(JSON.stringify(paths));`;

for (const [how, last] of [
  ['is killed', 'setInterval(() => {}, 1_000);'],
  ['ends by itself', ''],
] as const) {
  t.test(`the SQLite files of a test are apart, and go when it ${how}`, async (t) => {
    const owner = spawn(process.execPath, ['--input-type=module', '-e', `${SOURCE}${last}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => owner.kill('SIGKILL'));
    const gone = once(owner, 'exit');
    const [printed] = (await once(owner.stdout, 'data')) as [Buffer];
    const paths = JSON.parse(printed.toString()) as string[];
    t.equal(new Set(paths).size, 2, 'each store has its own file');
    if (how === 'is killed') {
      for (const path of paths) t.equal(existsSync(path), true, 'it is there as long as the test is');
      for (const path of paths) writeFileSync(`${path}-wal`, 'what SQLite puts beside it');
      owner.kill('SIGKILL');
    }
    await gone;
    await until(() => !paths.some((path) => existsSync(dirname(path))), {
      timeoutMs: 60_000,
      what: 'the folder to be removed',
    });
    t.pass('nothing is left');
  });
}
