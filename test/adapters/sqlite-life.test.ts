import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { connect } from '../../adapters/sqlite/connection.js';
import { append, message, messages, record, seqs, upTo } from '../conformance/store-fixture.js';
import { until } from '../support/until.js';
import { childCommand, everything, folderOf, make, open, refusal, spawnChild } from './sqlite-fixture.js';

t.test('a store that was closed is found again whole, and its file alone is the database', async (t) => {
  const path = join(folderOf(t), 'data', 'deep', 'parlor.db');
  const posted = messages('a', 1, 500);
  const { store } = await open(t, path);
  await store.append([append('a', ...posted)]);
  await store.close();
  t.same(
    readdirSync(dirname(path))
      .filter((name) => statSync(join(dirname(path), name)).size > 0)
      .sort(),
    ['parlor.db', 'parlor.db-lock'],
  );
  const again = (await open(t, path)).store;
  t.same(await everything(again, 'a'), posted);
  t.same(await again.append([append('a', message('a', 501))]), ['committed']);
});

t.test('a store that is closing finishes what it was told, and takes nothing more', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  const { store } = await open(t, path);
  const told = upTo(0, 20).map((seq) => store.append([append('a', message('a', seq))]));
  const closed = store.close();
  t.same((await Promise.all(told)).flat(), Array(20).fill('committed'));
  await closed;
  t.match(await refusal(store.append([append('a', message('a', 21))])), /closed/);
  t.match(await refusal(store.load('a')), /closed/);
  t.same(store.state(), { kind: 'sqlite', ready: false, reason: 'closed' });
  t.equal((await everything((await open(t, path)).store, 'a')).length, 20);
});

t.test('what was answered is there after kill -9 in the middle of appends, without a gap', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  for (let life = 1; life <= 5; life++) {
    const file = `${path}-${life}`;
    const child = spawnChild(t, childCommand('append', file));
    await until(() => child.lines.length > life * 40, { timeoutMs: 60_000, what: 'some commits' });
    await child.kill();
    const { store } = await open(t, file);
    for (const room of ['a', 'b', 'c']) {
      const answered = child.lines.filter((line) => line.startsWith(`committed ${room} `)).length * 2;
      const there = await everything(store, room);
      t.ok(answered > 0 && there.length >= answered, `${there.length} there, ${answered} answered`);
      t.same(seqs(there), upTo(0, there.length));
      t.equal((await store.load(room))?.head_seq, there.length);
    }
    await store.close();
  }
});

t.test('a second Parlor on the same file is refused, and told who has it', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  const child = spawnChild(t, childCommand('hold', path));
  await child.line(/^started/);
  const second = make(t, path).store;
  t.equal(
    await refusal(second.start()),
    `${path} is in use by another Parlor (process ${child.process.pid}): stop that one, or name another file in SQLITE_PATH`,
  );
  t.match(second.state(), { ready: false });
  const reader = (await open(t, path, { access: 'read' })).store;
  t.equal(await reader.load('a'), null, 'one that only looks on is let in');
  await reader.close();
  await child.kill();
  const third = (await open(t, path)).store;
  t.match(
    await refusal(make(t, path).store.start()),
    /in use by another Parlor \(process \d+\)/,
    'also in one process',
  );
  t.same(
    await third.append([append('a', message('a', 1))]),
    ['committed'],
    'which costs the first one nothing',
  );
  await third.close();
  await open(t, path);
});

t.test('several that write beside its owner find one schema, and each other', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  const stores = [(await open(t, path)).store];
  for (let i = 0; i < 3; i++) stores.push((await open(t, path, { access: 'write' })).store);
  const child = spawnChild(t, childCommand('beside', path));
  await child.line(/^started/);
  const results = await Promise.all(stores.map((store) => store.append([append('a', message('a', 1))])));
  t.same(results.flat().sort(), ['committed', 'fenced', 'fenced', 'fenced']);
  for (const store of stores) t.equal((await everything(store, 'a')).length, 1);
});

t.test('of two Parlors that start at once on a fresh file, one is let in', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  const children = [1, 2, 3].map(() => spawnChild(t, childCommand('hold', path)));
  const said = await Promise.all(children.map((child) => child.line(/^(started|refused)/)));
  t.equal(said.filter((line) => line === 'started').length, 1, said.join('; '));
  t.equal(said.filter((line) => line.includes('in use by another Parlor')).length, 2);
});

t.test(
  'a database that another program has locked is said to be, and works again when it lets go',
  async (t) => {
    const path = join(folderOf(t), 'parlor.db');
    const { store } = await open(t, path, { timeoutMs: 500 });
    const other = connect(path, 1_000);
    other.exec('BEGIN IMMEDIATE');
    t.match(await refusal(store.append([append('a', message('a', 1))])), /is locked by another program/);
    t.match(store.state(), { ready: false, reason: /is locked by another program/ });
    t.equal(await store.load('a'), null);
    other.exec('ROLLBACK');
    await until(() => store.state().ready, { what: 'the lock' });
    t.same(await store.append([append('a', message('a', 1))]), ['committed']);
  },
);

t.test('a rival and a repeat in one call of a thousand cost the others nothing', async (t) => {
  const { store } = await open(t, join(folderOf(t), 'parlor.db'));
  const known = message('known', 1);
  await store.append([append('known', known), append('taken', message('taken', 1))]);
  const rooms = Array.from({ length: 1_000 }, (_, i) => `room-${i}`);
  const results = await store.append([
    ...rooms.slice(0, 500).map((room) => append(room, message(room, 1))),
    append('taken', message('taken', 1)),
    append('other', { ...known, room_id: 'other' }),
    append('taken', message('taken', 2)),
    { room: record('new', 0), events: [] },
    ...rooms.slice(500).map((room) => append(room, message(room, 1))),
  ]);
  t.same(results.slice(500, 504), ['fenced', 'duplicate', 'fenced', 'committed']);
  t.equal(results.filter((result) => result === 'committed').length, 1_001);
  t.equal(await store.load('other'), null);
  t.equal((await store.load('taken'))?.head_seq, 1, 'what was decided on top of the rival fails with it');
});

t.test('what is swept is gone from the file, and its positions are never used again', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  const { store } = await open(t, path);
  const rooms = Array.from({ length: 250 }, (_, i) => `room-${i}`);
  await store.append(rooms.map((room) => append(room, ...messages(room, 1, 10))));
  const [kept] = await store.append([append('kept', message('kept', 1))]);
  t.equal(kept, 'committed');
  await store.append(rooms.map((room) => ({ room: record(room, 10), events: [], purge_before: 11 })));
  const db = connect(path, 1_000);
  const rows = (): unknown => db.value('SELECT count(*) FROM events');
  t.equal(rows(), 2_501, 'forgotten at once, and not yet freed');
  let steps = 1;
  for (let before = Number(rows()); await store.sweep(); steps++) {
    const after = Number(rows());
    t.ok(after < before && before - after <= 1_000, `${before - after} in one step`);
    before = after;
  }
  t.ok(steps >= 3);
  t.equal(rows(), 1);
  t.equal(await store.sweep(), false);
  const last = db.value('SELECT max(position) FROM events');
  await store.append([{ room: record('kept', 1), events: [], purge_before: 2 }]);
  await store.sweep();
  await store.append([append('kept', message('kept', 2))]);
  t.ok(Number(db.value('SELECT max(position) FROM events')) > Number(last));
  db.close();
});
