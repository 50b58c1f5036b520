import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { watchWal } from '../../adapters/sqlite/wal-watch.js';
import type { Log } from '../../engine/ports.js';
import { ManualClock } from '../support/clock.js';
import { until } from '../support/until.js';
import { folderOf } from './sqlite-fixture.js';

const MIB = 1024 * 1024;

t.test('a -wal file that grows and grows is told of, again each time it has doubled', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  const clock = new ManualClock();
  const said: unknown[] = [];
  const note = (fields: object): void => void said.push(fields);
  const log: Log = { info: note, warn: note, error: note };
  const end = watchWal(path, clock, log);
  /** One look at a file of so many bytes, of which none is on the disk. */
  const look = async (bytes: number): Promise<void> => {
    truncateSync(`${path}-wal`, bytes);
    await clock.pass(10_000);
    await until(() => clock.pending === 1, { what: 'the next look to be planned' });
  };
  writeFileSync(`${path}-wal`, '');
  await look(64 * MIB);
  t.same(said, []);
  await look(300 * MIB);
  await look(400 * MIB);
  t.equal(said.length, 1);
  await look(600 * MIB);
  t.equal(said.length, 2);
  await look(10 * MIB);
  await look(300 * MIB);
  t.match(said[2], { path, wal_bytes: 300 * MIB }, 'after it was small again, from the beginning');
  end();
  t.equal(clock.pending, 0);
});
