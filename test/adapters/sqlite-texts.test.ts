import { join } from 'node:path';
import t from 'tap';
import type { DurableEvent } from '../../engine/messages/events.js';
import { append, message, seqs, upTo } from '../conformance/store-fixture.js';
import { everything, folderOf, open } from './sqlite-fixture.js';

const NOT_KEPT = 'sqlite: a text that cannot be stored was not stored';

/** Events with a text that SQLite would give back as another one. */
const ODD: readonly (readonly [string, (room: string, seq: number) => DurableEvent])[] = [
  ['a NUL in a text', (room, seq) => message(room, seq, 'a\0b')],
  ['half of a surrogate pair', (room, seq) => message(room, seq, '\ud800x')],
  ['the other half', (room, seq) => message(room, seq, 'x\udc00')],
  ['a NUL in a user', (room, seq) => ({ ...message(room, seq), user: 'ann\0' })],
  ['a NUL in a request id', (room, seq) => ({ ...message(room, seq), request_id: '\0' })],
];

for (const [what, odd] of ODD)
  t.test(`${what} is not answered as stored, and costs the others of the call nothing`, async (t) => {
    const { store, complaints } = await open(t, join(folderOf(t), 'parlor.db'));
    const results = await store.append([
      append('a', message('a', 1)),
      append('odd', message('odd', 1), odd('odd', 2)),
      append('odd', message('odd', 3)),
      append('late', message('late', 1)),
      append('late', odd('late', 2)),
      append('late', message('late', 3)),
      append('a', message('a', 2)),
    ]);
    t.same(results, ['committed', 'failed', 'fenced', 'committed', 'failed', 'fenced', 'committed']);
    t.same(complaints, [`${NOT_KEPT} {"room_id":"odd"}`, `${NOT_KEPT} {"room_id":"late"}`]);
    t.equal(await store.load('odd'), null);
    t.same(seqs(await everything(store, 'odd')), []);
    t.same(seqs(await everything(store, 'late')), [1]);
    t.same(seqs(await everything(store, 'a')), upTo(0, 2));
    t.match(store.state(), { ready: true });
    t.same(await store.append([append('odd', odd('odd', 1))]), ['failed'], 'also alone');
    t.same(await store.append([append('odd', message('odd', 1))]), ['committed']);
  });

t.test('every other text is given back as it was', async (t) => {
  const { store } = await open(t, join(folderOf(t), 'parlor.db'));
  const texts = [
    '😀'.repeat(2_048),
    '\u0001\u001f\u007f',
    "'; DROP TABLE events --",
    '\r\n\t\u2028\ufeff\uffff',
  ];
  const posted = texts.map((text, i) => message('a', i + 1, text));
  t.same(await store.append([append('a', ...posted)]), ['committed']);
  t.same(await everything(store, 'a'), posted);
});

t.test('an append that SQLite refuses is failed and logged, the others are stored', async (t) => {
  const { store, complaints } = await open(t, join(folderOf(t), 'parlor.db'));
  const wrong = { ...message('odd', 1), at: null as unknown as string };
  t.same(await store.append([append('odd', wrong), append('a', message('a', 1))]), ['failed', 'committed']);
  t.same(complaints, ['sqlite: an append was refused {"room_id":"odd"}']);
  t.match(store.state(), { ready: true });
});
