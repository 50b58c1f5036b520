import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connect } from '../../adapters/sqlite/connection.js';
import { MIGRATIONS, migrate, VERSION } from '../../adapters/sqlite/schema.js';
import { append, AT, message, messages } from '../conformance/store-fixture.js';
import { until } from '../support/until.js';
import {
  childCommand,
  everything,
  fillRoom,
  folderOf,
  make,
  open,
  refusal,
  spawnChild,
} from './sqlite-fixture.js';

const PAGE = 4096;

/** A closed database with some hundred pages of messages. */
async function filled(t: Test, path: string): Promise<void> {
  const { store } = await open(t, path);
  for (let from = 1; from < 5_000; from += 500)
    await store.append([append('a', ...messages('a', from, 500))]);
  await store.close();
}

function overwrite(path: string, from: number, bytes: Buffer): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, from);
  closeSync(file);
}

async function refused(t: Test, path: string): Promise<string> {
  const { store } = make(t, path);
  const line = await refusal(store.start());
  t.notMatch(line, /\n/, 'one line');
  const { ready, reason } = store.state();
  if (ready || reason === null) throw new Error('a store that did not start says it is ready');
  return line;
}

t.test('a path where no database can be is refused with one line that names it', async (t) => {
  const folder = folderOf(t);
  mkdirSync(join(folder, 'a-folder'));
  writeFileSync(join(folder, 'a-file'), '');
  t.equal(
    await refused(t, join(folder, 'a-folder')),
    `${join(folder, 'a-folder')} is a folder: name a file in SQLITE_PATH`,
  );
  t.match(
    await refused(t, join(folder, 'a-file', 'x', 'parlor.db')),
    /^the folder .*a-file\/x .*cannot be created \(ENOTDIR\): /,
  );
  t.match(await refused(t, ' '), /^the path of the database is empty/);
});

t.test('a symbolic link to the file is the file: also for the lock', async (t) => {
  const folder = folderOf(t);
  await open(t, join(folder, 'parlor.db'));
  symlinkSync(join(folder, 'parlor.db'), join(folder, 'link.db'));
  t.match(await refused(t, join(folder, 'link.db')), /link\.db is in use by another Parlor/);
});

/** Root may do everything; without this capability it is held to the rights of files like everybody else. */
const AS_USER = process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-dac_override'] : [];

t.test('a file or a folder that is read-only is refused, and taken once it is not', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'parlor.db');
  await filled(t, path);
  const start = async (): Promise<string> => {
    const child = spawnChild(t, [...AS_USER, ...childCommand('hold', path)]);
    const line = await child.line(/^(started|refused)/);
    await child.kill();
    return line;
  };
  chmodSync(path, 0o444);
  t.match(
    await start(),
    `refused: the database file ${path} is read-only for this user (EACCES): let it write there`,
  );
  chmodSync(path, 0o644);
  chmodSync(folder, 0o555);
  t.match(
    await start(),
    `refused: the folder ${folder} is read-only for this user (EACCES): let it write there`,
  );
  chmodSync(folder, 0o755);
  t.equal(await start(), 'started');
});

t.test('what is no database, or a damaged one, is refused and not touched', async (t) => {
  const folder = folderOf(t);
  const damages: readonly (readonly [string, RegExp, (path: string) => void])[] = [
    [
      'text',
      /text\.db is not a SQLite database/,
      (path) => writeFileSync(path, 'Dear diary, '.repeat(1_000)),
    ],
    [
      'header',
      /header\.db is not a SQLite database, or its beginning is damaged: restore a backup/,
      (path) => overwrite(path, 0, Buffer.alloc(100, 7)),
    ],
    [
      'page',
      /the database file .*page\.db is damaged: restore a backup/,
      (path) => overwrite(path, 60 * PAGE, Buffer.alloc(20 * PAGE, 7)),
    ],
    [
      'zeros',
      /the database file .*zeros\.db is damaged: restore a backup/,
      (path) => overwrite(path, 60 * PAGE, Buffer.alloc(20 * PAGE)),
    ],
    [
      'short',
      /the database file .*short\.db is damaged: restore a backup/,
      (path) => truncateSync(path, Math.floor(statSync(path).size / 2 / PAGE) * PAGE),
    ],
    [
      'root',
      /the database file .*root\.db is damaged: restore a backup/,
      (path) => overwrite(path, PAGE, Buffer.alloc(PAGE, 7)),
    ],
  ];
  for (const [name, line, damage] of damages) {
    const path = join(folder, `${name}.db`);
    await filled(t, path);
    damage(path);
    const before = readFileSync(path);
    t.match(await refused(t, path), line);
    t.ok(before.equals(readFileSync(path)), `${name}: as it was`);
  }
});

t.test('a database of a newer version, or of another program, is refused and not touched', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'parlor.db');
  await filled(t, path);
  const db = connect(path, 1_000);
  db.exec('PRAGMA user_version = 7');
  db.close();
  t.equal(
    await refused(t, path),
    `the database ${path} is of version 7, this Parlor knows up to ${VERSION}: use a newer Parlor, or a backup`,
  );
  const foreign = join(folder, 'foreign.db');
  const other = connect(foreign, 1_000);
  other.exec('CREATE TABLE recipes (name TEXT)');
  t.match(await refused(t, foreign), /foreign\.db is the database of another program/);
  t.equal(other.value('SELECT count(*) FROM sqlite_schema'), 1);
  other.close();
});

t.test('an empty file is a new database', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  writeFileSync(path, '');
  const { store } = await open(t, path);
  t.same(await store.append([append('a', message('a', 1))]), ['committed']);
});

t.test('a file of the first version is given an id of its own, and keeps what it holds', async (t) => {
  const folder = folderOf(t);
  const [path, other] = [join(folder, 'old.db'), join(folder, 'older.db')];
  for (const file of [path, other]) {
    const db = connect(file, 1_000);
    migrate(db, file, MIGRATIONS.slice(0, 1));
    db.write(() => fillRoom(db, 'a', 10, 5));
    db.close();
  }
  const { store } = await open(t, path);
  const { id } = store.identity();
  t.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  t.equal((await everything(store, 'a')).length, 10);
  t.not((await open(t, other)).store.identity().id, id);
});

t.test('a file of the second version keeps what it holds, and can keep revocations', async (t) => {
  const path = join(folderOf(t), 'old.db');
  const db = connect(path, 1_000);
  migrate(db, path, MIGRATIONS.slice(0, 2));
  db.write(() => fillRoom(db, 'a', 10, 5));
  const id = db.value('SELECT uuid FROM identity');
  db.close();
  const { store } = await open(t, path);
  t.equal(store.identity().id, id, 'it is the same store');
  t.equal((await everything(store, 'a')).length, 10);
  const revoked = { user: 'ann', revoked_at: AT };
  t.same(await store.revocations(), []);
  await store.revoke(revoked);
  t.same(await store.revocations(), [revoked]);
});

const NEXT = ['CREATE TABLE half (a INTEGER)', 'CREATE TABLE whole (a INTEGER)'];

/** Names of the tables, and the version. */
function schemaOf(path: string): { tables: unknown[]; version: unknown } {
  const db = connect(path, 1_000);
  const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`).flat([]);
  const version = db.value('PRAGMA user_version');
  db.close();
  return { tables, version };
}

const TABLES = ['events', 'identity', 'probe', 'revocations', 'rooms', 'sqlite_sequence'];

t.test('a migration that fails between two statements leaves the old version entire', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  await filled(t, path);
  const db = connect(path, 1_000);
  t.throws(
    () => migrate(db, path, [...MIGRATIONS, [...NEXT.slice(0, 1), 'INSERT INTO missing VALUES (1)']]),
    /no such table/,
  );
  t.same(schemaOf(path), { tables: TABLES, version: VERSION });
  migrate(db, path, [...MIGRATIONS, NEXT]);
  t.same(schemaOf(path), { tables: ['events', 'half', ...TABLES.slice(1), 'whole'], version: VERSION + 1 });
  db.close();
});

t.test('a process killed in the middle of a migration leaves the old version entire', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  await filled(t, path);
  const child = spawnChild(t, childCommand('migrate', path));
  const written = (): number => statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  await until(() => written() > 1_000_000, { timeoutMs: 60_000, what: 'half a migration on the disk' });
  await child.kill();
  const { store } = await open(t, path);
  t.equal((await everything(store, 'a')).length, 5_000);
  await store.close();
  t.same(schemaOf(path), { tables: TABLES, version: VERSION });
  const db = connect(path, 1_000);
  migrate(db, path, [...MIGRATIONS, NEXT]);
  db.close();
  t.equal(schemaOf(path).version, VERSION + 1, 'the next start completes it');
});
