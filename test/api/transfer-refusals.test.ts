import t from 'tap';
import type { Store } from '../../engine/ports.js';
import { append, message, messages, record } from '../conformance/store-fixture.js';
import { everything, exported, imported, newStore, refusal, storeWith } from './transfer-fixture.js';

interface Json {
  [field: string]: unknown;
}

/** An export of room `a` with three messages, one line of it (1, 2, …) put in other words. */
async function withLine(number: number, change: (line: Json) => unknown): Promise<string> {
  const lines = (await exported(await storeWith({ a: 3 }))).trimEnd().split('\n');
  const changed = change(JSON.parse(lines[number - 1] ?? '') as Json);
  return lines.with(number - 1, typeof changed === 'string' ? changed : JSON.stringify(changed)).join('\n');
}

const room = (line: Json, more: Json): Json => ({ ...line, room: { ...(line['room'] as Json), ...more } });

const bad: [what: string, number: number, change: (line: Json) => unknown, says: RegExp][] = [
  ['no JSON', 3, () => '{"type":', /not JSON/],
  ['a list', 3, () => [1], /JSON object whose type is one of "room", "message_posted"/],
  ['null', 3, () => 'null', /JSON object/],
  ['a type nobody knows', 3, (line) => ({ ...line, type: 'toString' }), /type is one of/],
  ['an event without a seq', 3, (line) => ({ ...line, type: 'typing' }), /type is one of/],
  [
    'a newer version',
    1,
    (line) => ({ ...line, version: 2 }),
    /version 2, this Parlor reads version 1: use a newer/,
  ],
  ['no version', 1, (line) => ({ ...line, version: undefined }), /version: is missing/],
  [
    'an unknown field',
    3,
    (line) => ({ ...line, extra: 1 }),
    /extra: is not a known field; known are type, event_id/,
  ],
  ['an empty text', 4, (line) => ({ ...line, text: ' ' }), /text: must hold at least one character/],
  ['half a character', 4, (line) => ({ ...line, text: '\ud800' }), /text: holds half of a surrogate pair/],
  ['a NUL', 4, (line) => ({ ...line, text: 'a\u0000b' }), /text: must not hold the NUL character/],
  ['an id that is none', 2, (line) => ({ ...line, event_id: 'x' }), /event_id: must be a UUID/],
  ['a time in other words', 2, (line) => ({ ...line, at: '2024-01-01' }), /at: must be a time such as/],
  [
    'a time beyond the calendar',
    2,
    (line) => ({ ...line, at: '+012024-01-01T00:00:00.000Z' }),
    /at: must be a time/,
  ],
  ['a room id that is none', 1, (line) => room(line, { room_id: 'a/b' }), /room_id: must be 1–64 of/],
  ['a status nobody knows', 1, (line) => room(line, { status: 'absent' }), /status: must be one of "open"/],
  ['half a policy', 1, (line) => room(line, { policy: { capacity: 2 } }), /policy/],
  ['a negative head', 1, (line) => room(line, { head_seq: -1 }), /head_seq/],
  ['a head beyond counting', 1, (line) => room(line, { head_seq: 2 ** 60 }), /head_seq/],
  ['a beginning at 0', 1, (line) => ({ ...line, first_seq: 0 }), /first_seq/],
  [
    'a beginning beyond the end',
    1,
    (line) => ({ ...line, first_seq: 5 }),
    /first_seq 5 is beyond its end, seq 3/,
  ],
  [
    'a later beginning than it has',
    2,
    (line) => ({ ...line, seq: 2 }),
    /seq 1 comes next, and this is seq 2/,
  ],
  ['another room’s event', 3, (line) => ({ ...line, room_id: 'b' }), /of room b, in the middle of room a/],
  [
    'another room’s end',
    5,
    (line) => ({ ...line, room_id: 'b' }),
    /the end of room b, in the middle of room a/,
  ],
  [
    'another number of events',
    5,
    (line) => ({ ...line, events: 4 }),
    /3 events up to seq 3.*lines are missing/,
  ],
  ['another number of rooms', 6, (line) => ({ ...line, rooms: 2 }), /had 2 rooms, and here are 1/],
];
for (const [what, number, change, says] of bad)
  t.test(`a line with ${what} is refused, by its number and what is wrong`, async (t) => {
    const copy = await newStore();
    const said = await refusal(copy, await withLine(number, change));
    t.match(said, says);
    t.ok(said.startsWith(`line ${number}: `), said);
    const stored = (await everything(copy)).flatMap(({ events }) => events);
    t.equal(
      stored.length,
      number === 6 ? 3 : 0,
      'a room whose lines are not all good has nothing stored of it yet',
    );
  });

t.test('an event beyond the end that its room’s first line names is refused', async (t) => {
  const said = await refusal(await newStore(), await withLine(1, (line) => room(line, { head_seq: 2 })));
  t.equal(said, 'line 4: room a ends at seq 2, and this is one more event, seq 3');
});

t.test('what is no text, or has no lines, is refused before it fills the memory', async (t) => {
  const zipped = Buffer.from([0x1f, 0x8b, 0x08, 0x00, 0xff, 0xfe]);
  t.match(await refusal(await newStore(), zipped), /^line 1: this is not UTF-8; is the file compressed\?$/);
  t.match(
    await refusal(await newStore(), Buffer.alloc(3_000_000, 'x')),
    /^line 1: longer than 1048576 bytes/,
  );
  t.match(await refusal(await newStore(), ''), /^there is nothing in it/);
  t.match(await refusal(await newStore(), '\n \r\n'), /^there is nothing in it/);
});

t.test('a file that an editor has touched is still good: CRLF, blank lines', async (t) => {
  const source = await storeWith({ a: 3 });
  const copy = await newStore();
  await imported(copy, `${(await exported(source)).replaceAll('\n', '\r\n\r\n')}\n`);
  t.same(await everything(copy), await everything(source));
});

t.test('a message that another room of the store has is refused by its line and that room', async (t) => {
  const source = await storeWith({ a: 700 });
  const [, stolen] = await source.history({ room_id: 'a', after: 600, limit: 2, messages_only: true });
  const copy = await newStore();
  await copy.append([append('z', message('z', 1, 'x', stolen?.event_id))]);
  t.equal(
    await refusal(copy, await exported(source)),
    `line 603: event ${stolen?.event_id} of room a is in the store already, in room z at seq 1`,
  );
  t.match(await copy.load('a'), { head_seq: 500, status: 'closed' });
});

t.test('a room that is there and is not the same is refused by its id and seq', async (t) => {
  const text = await exported(await storeWith({ a: 5 }));
  const other = await storeWith({ a: 3 });
  const before = await everything(other);
  t.match(
    await refusal(other, text),
    /^room a is in the store already and is not the same: at seq 3 its event is /,
  );
  const longer = await storeWith({ a: 9 });
  t.match(await refusal(longer, text), /at seq 5 its event is/);
  t.same(await everything(other), before, 'and is left as it was');

  const source = await storeWith({ a: 2 });
  const copy = await newStore();
  await imported(copy, await exported(source));
  const forged = (await exported(source)).replace('"text":"2"', '"text":"two"');
  t.match(await refusal(copy, forged), /at seq 2 event [0-9a-f-]{36} reads otherwise/);
});

t.test('a room that is there and shares nothing with the file is refused', async (t) => {
  const source = await storeWith({ a: 9 });
  await source.append([{ room: record('a', 9), events: [], purge_before: 6 }]);
  const text = await exported(source);
  t.match(
    await refusal(await storeWith({ a: 2 }), text),
    /^room a is in the store already, up to seq 2, and this file begins only at seq 6: import it into another/,
  );
  t.match(
    await refusal(await storeWith({ a: 5 }), text),
    /up to seq 5, and nothing shows that it is the same room/,
  );
  const opened = await newStore();
  await opened.append([{ room: record('b', 0), events: [] }]);
  const b = await exported(await storeWith({ b: 1 }));
  t.match(await refusal(opened, b), /up to seq 0, and nothing shows that it is the same room/);
});

t.test('a room that is written by somebody else meanwhile is let go, and not lost', async (t) => {
  const copy = await newStore();
  const rival: Store = {
    ...copy,
    async append(list) {
      const results = await copy.append(list);
      await copy.append([append('a', message('a', 501))]);
      return results;
    },
  };
  t.equal(
    await refusal(rival, await exported(await storeWith({ a: 1_200 }))),
    'room a: somebody else has written it since this import began with it',
  );
  t.match(await copy.load('a'), { head_seq: 501 });
});

t.test('a store that takes no more says which room it was, and its reason', async (t) => {
  const source = await storeWith({ a: 2, b: 2 });
  await source.append([{ room: record('b', 2), events: [], purge_before: 2 }]);
  const text = await exported(source, ['a']);
  const full: Store = { ...(await newStore()), restore: () => Promise.resolve(false) };
  t.equal(
    await refusal(full, await exported(source, ['b'])),
    'room b: the store has no place for another room',
  );
  const copy = await newStore();
  const broken: Store = {
    ...copy,
    append: (list) => Promise.resolve(list.map(() => 'failed' as const)),
    state: () => ({ kind: 'memory', ready: false, reason: 'the disk is full' }),
  };
  t.equal(await refusal(broken, text), 'room a: the store could not take it: the disk is full');
  await imported(copy, text);
  t.match(await copy.load('a'), { head_seq: 2, status: 'open' });
});

t.test('what is wrong with one room costs those before it nothing', async (t) => {
  const source = await storeWith({ a: 2, b: 2, c: 2, d: 2 });
  const text = await exported(source);
  const heads = async (store: Store) =>
    (await everything(store)).map(({ record }) => [record.room_id, record.head_seq]);
  const copy = await newStore();
  t.match(await refusal(copy, text.split('\n').with(9, 'no line').join('\n')), /^line 10: /);
  t.same(
    await heads(copy),
    [
      ['a', 2],
      ['b', 2],
    ],
    'all that came to their end',
  );

  const other = await newStore();
  const [taken] = await source.history({ room_id: 'b', after: 1, limit: 1, messages_only: true });
  await other.append([append('z', message('z', 1, 'x', taken?.event_id))]);
  t.match(
    await refusal(other, text),
    /^line 7: event .* of room b is in the store already, in room z at seq 1$/,
  );
  t.match(
    await heads(other),
    [
      ['a', 2],
      ['c', 2],
      ['d', 2],
      ['z', 1],
    ],
    'those of the same commit are independent',
  );
});

t.test('one id for two events of a file is refused by both lines', async (t) => {
  const source = await newStore();
  const [one, two] = messages('a', 1, 2);
  if (!one || !two) return t.fail('no messages');
  await source.append([append('a', one, two)]);
  const text = (await exported(source)).replace(two.event_id, one.event_id);
  t.equal(
    await refusal(await newStore(), text),
    `line 3: event ${one.event_id} of room a was in line 2 already`,
  );
});
