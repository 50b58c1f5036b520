import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { backUp } from '../../adapters/sqlite/backup.js';
import { connect } from '../../adapters/sqlite/connection.js';
import { migrate, MIGRATIONS } from '../../adapters/sqlite/schema.js';
import { errorText } from '../../engine/errors.js';
import { append, AT, message } from '../conformance/store-fixture.js';
import { childCommand, everything, folderOf, make, open, refusal, spawnChild } from './sqlite-fixture.js';

/** What a checkpoint would change: it empties the -wal file, and fills the file itself. */
function filesOf(path: string) {
  const [wal, file] = [statSync(`${path}-wal`), statSync(path)];
  return { walBytes: wal.size, wal: wal.ino, bytes: file.size, written: file.mtimeMs };
}

t.test('who reads or writes beside a Parlor never checkpoints: only its owner does', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  const { store } = await open(t, path);
  for (let seq = 1; seq <= 50; seq++) await store.append([append('a', message('a', seq))]);
  const before = filesOf(path);
  t.ok(before.walBytes > 0);
  const reading = (await open(t, path, { access: 'read' })).store;
  t.equal((await everything(reading, 'a')).length, 50);
  t.match(await refusal(reading.append([append('a', message('a', 51))])), /not open/);
  await reading.close();
  t.same(filesOf(path), before, 'reading');

  const writing = (await open(t, path, { access: 'write' })).store;
  t.same(await writing.append([append('b', message('b', 1))]), ['committed']);
  await writing.close();
  const { walBytes, ...others } = filesOf(path);
  t.same(others, { wal: before.wal, bytes: before.bytes, written: before.written }, 'writing');
  t.ok(walBytes >= before.walBytes);
  await store.close();
  t.equal(existsSync(`${path}-wal`), false, 'its owner does, when it ends');
});

t.test('what one process revokes, another one reads that uses the same file', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  const { store } = await open(t, path);
  const revoked = { user: 'ann', revoked_at: AT };
  const child = spawnChild(t, childCommand('revoke', path));
  await child.line(/^revoked$/);
  t.same(await store.revocations(), [revoked], 'the owner, of one that came beside it');
  t.equal(await store.unrevoke('user:ann'), true);
  await store.revoke({ ...revoked, user: 'bob' });
  const reading = (await open(t, path, { access: 'read' })).store;
  t.same(await reading.revocations(), [{ ...revoked, user: 'bob' }], 'and the other way round');
  t.match(await refusal(reading.revoke(revoked)), /not open/);
  t.match(await refusal(reading.unrevoke('user:bob')), /not open/);
});

t.test('who comes beside a Parlor changes no schema', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  const db = connect(path, 1_000);
  db.value('PRAGMA journal_mode = WAL');
  migrate(db, path, MIGRATIONS.slice(0, 1));
  const needs = `the database ${path} is of version 1, and this Parlor needs ${MIGRATIONS.length}: start this version of Parlor on it once`;
  t.equal(await refusal(make(t, path, { access: 'read' }).store.start()), needs);
  t.throws(() => backUp(path, `${path}.copy`), { message: `not backed up: ${needs}` });
  t.equal(db.value('PRAGMA user_version'), 1);
  db.close();
});

t.test('a backup ends while a Parlor writes all the time, and is a whole database', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'parlor.db');
  const child = spawnChild(t, childCommand('append', path));
  await child.line(/^committed c 2000$/);
  const copy = join(folder, 'copy.db');
  const bytes = backUp(path, copy);
  t.equal(bytes, readFileSync(copy).length);
  t.equal(existsSync(`${copy}-wal`), false, 'it is one file');
  const opened = (await open(t, copy)).store;
  for (const room of ['a', 'b', 'c']) {
    const { head_seq } = (await opened.load(room)) ?? { head_seq: 0 };
    t.ok(head_seq >= 2_000, `room ${room} up to ${head_seq}`);
    t.equal((await everything(opened, room)).length, head_seq);
  }
  t.same(await opened.append([append('new', message('new', 1))]), ['committed'], 'and can be gone on with');
});

t.test('a backup overwrites nothing, and leaves nothing half done', (t) => {
  const folder = folderOf(t);
  const [path, copy] = [join(folder, 'parlor.db'), join(folder, 'copy.db')];
  t.throws(() => backUp(path, copy), { message: /^there is no database at / });
  const db = connect(path, 1_000);
  migrate(db, path);
  db.close();
  writeFileSync(copy, 'mine');
  t.throws(() => backUp(path, copy), { message: /is there already: name another file, or remove it$/ });
  t.equal(readFileSync(copy, 'utf8'), 'mine');
  let fault = '';
  try {
    backUp(path, join(folder, 'missing', 'copy.db'));
  } catch (cause) {
    fault = errorText(cause);
  }
  t.match(fault, /^not backed up: /);
  t.equal(existsSync(join(folder, 'missing')), false);
  t.end();
});
