/**
 * A process with a SQLite store, for tests that kill it or limit what it may do: `sqlite-main.js TASK PATH`.
 *
 * hold: starts the store and waits. beside: the same, also where another process has the lock.
 * append: commits message after message into three rooms, and prints `committed ROOM SEQ` after each answer, for ever.
 * fill: the same with long texts, goes on when one is refused, and prints `state` whenever what the store says of
 *   itself changes. Told `stop`, it closes the store and prints `closed`.
 * revoke: beside the same process, revokes the user `ann`, and waits.
 * migrate: brings the schema to a version whose second statement never ends.
 *
 * It prints `started` or `refused: …`, and ends when its standard input does.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '../../adapters/sqlite/connection.js';
import { MIGRATIONS, migrate } from '../../adapters/sqlite/schema.js';
import { createSqliteStore } from '../../adapters/sqlite/store.js';
import { systemClock } from '../../adapters/system/clock.js';
import { errorText } from '../../engine/errors.js';
import type { Store } from '../../engine/ports.js';
import { append, AT, message } from '../conformance/store-fixture.js';

const [task = '', path = ''] = process.argv.slice(2);
// Synchronous for a pipe on Linux (Node's "A note on process I/O"), and waits while the reader is behind.
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const complain = (fields: object, text: string): void => print(`log ${text} ${JSON.stringify(fields)}`);
const log = { info: complain, warn: complain, error: complain };
const ENDLESS =
  'INSERT INTO half WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n';

let stopped = false;
process.stdin.on('end', () => process.exit()).on('data', () => (stopped = true));
if (task === 'migrate') {
  print('started');
  migrate(connect(path, 1_000), path, [...MIGRATIONS, ['CREATE TABLE half (a INTEGER)', ENDLESS]]);
} else {
  const store = createSqliteStore({
    path,
    timeoutMs: 5_000,
    log,
    clock: systemClock,
    access: task === 'beside' || task === 'revoke' ? 'write' : 'own',
  });
  try {
    await store.start();
    print('started');
    if (task === 'append') await appendForEver(store);
    if (task === 'fill') await fill(store);
    if (task === 'revoke') {
      await store.revoke({ user: 'ann', revoked_at: AT });
      print('revoked');
    }
  } catch (cause) {
    print(`refused: ${errorText(cause)}`);
  }
}

async function appendForEver(store: Store): Promise<never> {
  for (let seq = 1; ; seq++) {
    const rooms = ['a', 'b', 'c'];
    await store.append(rooms.map((room) => append(room, message(room, seq), message(room, seq + 1))));
    seq++;
    for (const room of rooms) print(`committed ${room} ${seq}`);
  }
}

async function fill(store: Store): Promise<void> {
  const text = 'x'.repeat(2_000);
  let state = '';
  for (let seq = 1; !stopped;) {
    const result = await store.append([append('a', message('a', seq, text))]).catch(errorText);
    if (result[0] === 'committed') print(`committed a ${seq++}`);
    else {
      // As a room does: what was refused may be there all the same, so it goes on from what the store has.
      seq = ((await store.load('a').catch(() => null))?.head_seq ?? seq - 1) + 1;
      print('not committed');
      await pause(50);
    }
    const { ready, reason } = store.state();
    const now = `state ${ready} ${reason ?? ''}`;
    if (now !== state) print(now);
    state = now;
  }
  await store.close();
  print('closed');
}
