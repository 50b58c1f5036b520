import { join } from 'node:path';
import t from 'tap';
import { MOVES } from '../../adapters/sqlite/append.js';
import { connect, type Connection } from '../../adapters/sqlite/connection.js';
import { READS } from '../../adapters/sqlite/reads.js';
import { REVOKES } from '../../adapters/sqlite/revocations.js';
import { SWEEPS } from '../../adapters/sqlite/writes.js';
import { append, message, seqs } from '../conformance/store-fixture.js';
import { fillRoom, folderOf, open } from './sqlite-fixture.js';

t.test('no statement walks through a table, or sorts', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  await open(t, path);
  const db = connect(path, 1_000);
  for (const [name, sql] of [READS, MOVES, SWEEPS, REVOKES].flatMap(Object.entries<string>)) {
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).flat([]);
    const steps = plan.filter((_value, i) => i % 4 === 3).map(String);
    // The index of the rooms that are to be swept holds no others: its beginning is what is looked for. SQLite's own
    // table of the last positions has one row. Of the revocations all are wanted, in the table's own order, and of the
    // rows that a statement is given all are used.
    const whole = (step: string): boolean =>
      ['SCAN rooms USING INDEX rooms_unswept', 'SCAN sqlite_sequence', 'SCAN revocations'].includes(step) ||
      ['SCAN to_be', 'SCAN 2 CONSTANT ROWS'].includes(step);
    t.ok(
      steps.some((step) => step.startsWith('SEARCH') || whole(step)),
      name,
    );
    const walks = steps.filter((step) => /SCAN|TEMP B-TREE|AUTOMATIC/.test(step) && !whole(step));
    t.same(walks, [], `${name}: ${steps.join('; ')}`);
  }
  db.close();
});

const SMALL = 20;
const LARGE = 1_000_000;

/** How many steps SQLite's machine took for a statement, on a fresh connection: work done, whatever the time. */
function stepsOf(db: Connection, sql: string, values: readonly (string | number)[]): number {
  const statement = db.prepare(sql);
  statement.flat(values);
  const counted = db.prepare('SELECT nstep FROM sqlite_stmt WHERE sql = ?1 AND run > 0');
  return Number(counted.row([sql])?.[0]);
}

t.test(
  'a room of a million events wakes, and a page of it is read, with the work of a small one',
  async (t) => {
    const path = join(folderOf(t), 'parlor.db');
    const { store } = await open(t, path);
    const db = connect(path, 60_000);
    db.write(() => {
      fillRoom(db, 'small', SMALL, 5);
      fillRoom(db, 'large', LARGE, 5);
      fillRoom(db, 'kicks', LARGE / 10, 100);
    });
    db.close();

    const work = (sql: string, values: readonly (string | number)[]): number => {
      const counter = connect(path, 1_000);
      const steps = stepsOf(counter, sql, values);
      counter.close();
      return steps;
    };
    const MAX = Number.MAX_SAFE_INTEGER;
    const asked: readonly (readonly [
      keyof typeof READS,
      (room: string, head: number) => readonly (string | number)[],
    ])[] = [
      ['load', (room) => [room]],
      ['span', (room) => [room]],
      ['messagesUp', (room, head) => [room, head / 2, MAX, 5]],
      ['messagesDown', (room) => [room, 0, MAX, 5]],
      ['allUp', (room, head) => [room, head / 2, MAX, 5]],
      ['allDown', (room) => [room, 0, MAX, 5]],
      ['event', (room, head) => [`${room}-${head - 1}`]],
      ['position', (room, head) => [`${room}-${head - 1}`]],
      ['log', (_room, head) => [head / 2, MAX, 5]],
      ['logEnd', (_room, head) => [head / 2, 5]],
      ['ages', (room, head) => [room, 0, head + 1, 5]],
    ];
    for (const [name, values] of asked) {
      const [small, large] = [
        work(READS[name], values('small', SMALL)),
        work(READS[name], values('large', LARGE)),
      ];
      t.ok(
        small > 0 && large <= small + 20,
        `${name}: ${small} steps in a small room, ${large} in a large one`,
      );
    }

    t.equal((await store.load('large'))?.head_seq, LARGE);
    const page = await store.history({ room_id: 'large', before: 500_001, limit: 5, messages_only: true });
    t.same(seqs(page), [499_999, 499_998, 499_997, 499_996, 499_994]);
    t.same(await store.append([append('large', message('large', LARGE + 1))]), ['committed']);
    t.equal(await store.retain('large', { max_messages: 799_000, not_before: null }), true);
    t.same(
      seqs(await store.history({ room_id: 'large', after: 0, limit: 2, messages_only: false })),
      [1_001, 1_002],
    );
  },
);

t.test('a page of messages costs the same, however much that is no message stands before it', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  await open(t, path);
  const db = connect(path, 60_000);
  db.write(() => {
    fillRoom(db, 'talk', 100, 1_000);
    fillRoom(db, 'noise', 100, 1_000);
    db.exec(
      `INSERT INTO events (room_id, seq, event_id, type, at, user_name)
       WITH RECURSIVE n(x) AS (SELECT 101 UNION ALL SELECT x + 1 FROM n WHERE x < 50000)
       SELECT 'noise', x, 'noise-' || x, 'member_kicked', '2024-01-01T00:00:00.000Z', 'ann' FROM n`,
    );
    db.exec(`UPDATE rooms SET head_seq = 50000 WHERE room_id = 'noise'`);
  });
  const [talk, noise] = ['talk', 'noise'].map((room) => {
    const counter = connect(path, 1_000);
    const steps = stepsOf(counter, READS.messagesDown, [room, 0, Number.MAX_SAFE_INTEGER, 20]);
    counter.close();
    return steps;
  });
  t.ok(talk !== undefined && talk > 0);
  t.equal(noise, talk);
  db.close();
});
