import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { Append, Store } from '../../engine/ports.js';
import { append, message, messages, record, seqs } from '../conformance/store-fixture.js';
import {
  anyRooms,
  everything,
  exported,
  imported,
  newStore,
  refusal,
  storeOf,
  storeWith,
} from './transfer-fixture.js';

t.test('any rooms with any events come out of an import as they went into the export', async (t) => {
  const property = fc.asyncProperty(anyRooms, async (rooms) => {
    const [source, copy] = [await storeOf(rooms), await newStore()];
    const text = await exported(source);
    const tally = await imported(copy, text);
    assert.deepEqual(await everything(copy), await everything(source));
    assert.equal(await exported(copy), text, 'the copy’s export is another one');
    assert.equal(tally.bytes, Buffer.byteLength(text));
  });
  await t.resolves(fc.assert(property, { numRuns: 200 }));
});

t.test('however the fields of an event are ordered in a store, its line is the same', async (t) => {
  const [source, turned] = [await newStore(), await newStore()];
  const event = message('r', 1);
  const reversed = Object.fromEntries(Object.entries(event).reverse()) as typeof event;
  await source.append([append('r', event)]);
  await turned.append([append('r', reversed)]);
  t.equal(await exported(turned), await exported(source));
  t.match(await exported(turned), /\n\{"type":"message_posted","event_id":/);
});

t.test('rooms by name are exported once each, in the order given, and no others', async (t) => {
  const source = await storeWith({ a: 2, b: 3, c: 1 });
  const lines = (await exported(source, ['c', 'a'])).trimEnd().split('\n');
  t.same(
    lines.map((line) => (JSON.parse(line) as { type: string }).type),
    ['room', 'message_posted', 'end', 'room', 'message_posted', 'message_posted', 'end', 'complete'],
  );
  t.match(JSON.parse(lines[0] ?? ''), { version: 1, room: record('c', 1), first_seq: 1 });
  t.match(JSON.parse(lines.at(-2) ?? ''), { type: 'end', room_id: 'a', events: 2, head_seq: 2 });
  t.match(JSON.parse(lines.at(-1) ?? ''), { type: 'complete', rooms: 2 });
});

t.test('a file that was cut off anywhere says so, and the whole file then completes the room', async (t) => {
  const source = await newStore();
  await source.append([append('a', ...messages('a', 1, 3)), append('b', message('b', 1, 'ä😀'))]);
  await source.append([{ room: record('c', 0, { created_at: '2024-02-03T04:05:06.789Z' }), events: [] }]);
  await source.append([append('d', message('d', 1)), { room: record('d', 1), events: [], purge_before: 2 }]);
  const [bytes, wanted] = [Buffer.from(await exported(source)), await everything(source)];
  // Without its last line feed it is whole.
  for (let length = 0; length < bytes.length - 1; length++) {
    const copy = await newStore();
    const said = await refusal(copy, bytes.subarray(0, length));
    if (
      !/^(it ends after line \d+, .*cut off|line \d+: this is not (JSON|UTF-8).*)$|^there is nothing/.test(
        said,
      )
    )
      t.fail(`${length} bytes: ${said}`);
    await imported(copy, bytes);
    if (JSON.stringify(await everything(copy)) !== JSON.stringify(wanted)) t.fail(`after ${length} bytes`);
  }
  const copy = await newStore();
  await imported(copy, bytes.subarray(0, -1));
  t.same(await everything(copy), wanted);
});

t.test('a line that is missing, doubled or in another place is refused by its number', async (t) => {
  const source = await storeWith({ a: 3, b: 2 });
  const [text, wanted] = [await exported(source), await everything(source)];
  const lines = text.trimEnd().split('\n');
  const damages: [string, (i: number) => string[], (i: number) => boolean][] = [
    ['missing', (i) => lines.toSpliced(i, 1), () => true],
    ['doubled', (i) => lines.toSpliced(i, 0, lines[i] ?? ''), () => true],
    [
      'changed places',
      (i) => lines.toSpliced(i, 2, lines[i + 1] ?? '', lines[i] ?? ''),
      (i) => i + 1 < lines.length,
    ],
  ];
  for (const [damage, make, applies] of damages)
    for (let i = 0; i < lines.length; i++) {
      if (!applies(i)) continue;
      const copy = await newStore();
      const said = await refusal(copy, `${make(i).join('\n')}\n`);
      t.match(said, /^(line (\d+): |it ends after line (\d+), )/, `line ${i + 1} ${damage}`);
      const line = Number(/line (\d+)/.exec(said)?.[1]);
      t.ok(line >= i && line <= i + 2, said);
      await imported(copy, text);
      t.same(await everything(copy), wanted, 'and the good file completes what was begun');
    }
});

t.test('exports can be joined, and a room may come twice', async (t) => {
  const source = await storeWith({ a: 3, b: 2 });
  const early = await exported(source, ['a']);
  await source.append([append('a', message('a', 4))]);
  const copy = await newStore();
  const tally = await imported(copy, early + (await exported(source)) + early);
  t.match(tally, { rooms: 3, events: 6, known: 1 });
  t.same(await everything(copy), await everything(source));
});

t.test('importing again does nothing, and says so', async (t) => {
  const source = await storeWith({ a: 1_200, b: 2 });
  await source.append([{ room: record('c', 0, { status: 'empty' }), events: [] }]);
  await source.append([{ room: record('a', 1_200), events: [], purge_before: 300 }]);
  await source.append([{ room: record('b', 2), events: [], purge_before: 3 }]);
  const text = await exported(source);
  const copy = await newStore();
  t.match(await imported(copy, text), { rooms: 3, events: 901, known: 0 });
  const untouched: Store = {
    ...copy,
    append: () => Promise.reject(new Error('something was written')),
  };
  t.match(await imported(untouched, text), { rooms: 0, events: 0, known: 3 });
  await copy.append([append('a', message('a', 1_201)), append('b', message('b', 3))]);
  t.match(await imported(untouched, text), { rooms: 0, events: 0, known: 3 }, 'also when they have gone on');
});

t.test('a later export of a room that was imported before adds what is new', async (t) => {
  const source = await storeWith({ a: 700 });
  const copy = await newStore();
  await imported(copy, await exported(source));
  await source.append([append('a', ...messages('a', 701, 900))]);
  await source.append([{ room: record('a', 1_600, { status: 'closed' }), events: [], purge_before: 500 }]);
  t.match(await imported(copy, await exported(source)), { rooms: 1, events: 900, known: 0 });
  t.match(await copy.load('a'), { head_seq: 1_600, status: 'closed' });
  const page = { room_id: 'a', after: 698, limit: 4, messages_only: false };
  t.same(seqs(await copy.history(page)), [699, 700, 701, 702]);
});

t.test('until its last event is there, a room is closed, and it is stored in batches', async (t) => {
  const source = await newStore();
  const long = messages('a', 1, 1_200).map((one) => ({
    ...one,
    text: 'x'.repeat(one.seq <= 600 ? 5 : 2_000),
  }));
  await source.append([append('a', ...long)]);
  const copy = await newStore();
  const appends: Append[] = [];
  const watched: Store = {
    ...copy,
    append(list) {
      appends.push(...list);
      return copy.append(list);
    },
  };
  await imported(watched, await exported(source));
  t.ok(appends.length > 5);
  for (const { room, events } of appends.slice(0, -1)) {
    t.equal(room.status, 'closed');
    t.ok(events.length > 0 && events.length <= 500);
    t.ok(events.map((event) => JSON.stringify(event)).join('').length <= 262_144);
  }
  t.match(appends.at(-1)?.room, { status: 'open', head_seq: 1_200 });
  t.ok((appends.at(-1)?.events.length ?? 0) > 0, 'the last events and the room’s own status are one commit');
});

t.test('many small rooms are stored many at a time', async (t) => {
  const source = await storeWith(
    Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`r${i}`, i % 4])),
  );
  await source.append([append('r3', message('r3', 4))]);
  const copy = await newStore();
  const sizes: number[] = [];
  const watched: Store = {
    ...copy,
    append(list) {
      sizes.push(list.reduce((sum, { events }) => sum + events.length + 1, 0));
      return copy.append(list);
    },
  };
  t.match(await imported(watched, (await exported(source)).repeat(2)), {
    rooms: 1_000,
    events: 1_501,
    known: 1_000,
  });
  t.same(await everything(copy), await everything(source));
  t.ok(sizes.length <= 7 && Math.max(...sizes) <= 510, sizes.join());
});

t.test('rooms of long messages are stored together no further than their size allows', async (t) => {
  const source = await newStore();
  for (let i = 0; i < 400; i++)
    await source.append([append(`r${i}`, message(`r${i}`, 1, 'x'.repeat(2_000)))]);
  const copy = await newStore();
  const sizes: number[] = [];
  const watched: Store = {
    ...copy,
    append(list) {
      sizes.push(JSON.stringify(list.map(({ events }) => events)).length);
      return copy.append(list);
    },
  };
  await imported(watched, await exported(source));
  t.same(await everything(copy), await everything(source));
  t.ok(sizes.length < 10 && Math.max(...sizes) < 262_144 + 5_000, sizes.join());
});

t.test('an import that is interrupted anywhere goes on where it stopped', async (t) => {
  const source = await storeWith({ a: 1_700, b: 600 });
  await source.append([{ room: record('a', 1_700, { status: 'empty' }), events: [], purge_before: 101 }]);
  const [text, wanted] = [await exported(source), await everything(source)];
  for (const after of [1, 2, 3, 4]) {
    const copy = await newStore();
    const stop = new AbortController();
    let commits = 0;
    const interrupted: Store = {
      ...copy,
      append(list) {
        if (++commits === after) stop.abort(new Error('stopped by hand'));
        return copy.append(list);
      },
    };
    await t.rejects(imported(interrupted, text, stop.signal), { message: 'stopped by hand' });
    const before = (await everything(copy)).reduce((sum, { events }) => sum + events.length, 0);
    t.ok(before > 0 && before < 2_200, `${before} events are there`);
    const rest = await imported(copy, text);
    t.equal(rest.events, 2_200 - before, 'only the others are stored');
    t.same(await everything(copy), wanted);
  }
});

t.test('a store that fails in the middle loses nothing: the next import goes on', async (t) => {
  const source = await storeWith({ a: 1_700 });
  const [text, wanted] = [await exported(source), await everything(source)];
  const copy = await newStore();
  let commits = 0;
  const failing: Store = {
    ...copy,
    // The second one is made, and nobody is told.
    append: (list) =>
      copy.append(list).then((results) => {
        if (++commits === 2) throw new Error('the connection to the store was lost');
        return results;
      }),
  };
  t.equal(await refusal(failing, text), 'the connection to the store was lost');
  t.match(await copy.load('a'), { status: 'closed', head_seq: 1_000 });
  await imported(copy, text);
  t.same(await everything(copy), wanted);
});
