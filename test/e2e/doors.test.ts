import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { completeLine, endLine, eventLine, roomLine } from '../../api/transfer/format.js';
import { message, record } from '../conformance/store-fixture.js';
import { BROKERS } from '../support/matrix.js';
import { STORES } from '../support/stores.js';
import { imported, openDoors, type Doors, type Outcome } from './support/doors.js';

/*
 * Input × door → outcome. What is not right is refused in the same way wherever it comes in; what is right is the same
 * person, the same message and the same room wherever it comes in.
 */

const BOM = '\ufeff';
/** Its preset sets no limit to its members. */
const ROOM = 'channel:doors';
const POST = `/api/rooms/${ROOM}/messages`;
const LONG = ['Content-Type: application/json;charset=UTF-8'];

/** Every way in which a post comes in. The long way over HTTP is that of requests which the short one does not take. */
function posts(
  doors: Doors,
  fields: Readonly<Record<string, unknown>>,
): (readonly [string, () => Promise<Outcome>])[] {
  const { user, ...frame } = fields;
  const { http, amqp } = doors;
  const byFrame =
    user === undefined ? [['a frame', () => doors.frame(ROOM, json({ type: 'post', ...frame }))]] : [];
  const command = { type: 'post', room_id: ROOM, id: randomUUID(), user: 'frank', ...fields };
  const byAmqp = amqp === null ? [] : [['RabbitMQ', () => amqp(ROOM, json(command))]];
  return [
    ['a body', () => http('POST', POST, json(fields))],
    ['a body, the long way', () => http('POST', POST, json(fields), LONG)],
    ...(byFrame as [string, () => Promise<Outcome>][]),
    ...(byAmqp as [string, () => Promise<Outcome>][]),
  ];
}

const json = (value: unknown): string => JSON.stringify(value);
/** In ASCII, because what cannot be seen does no good in a report. */
const shown = (value: unknown): string =>
  json(value).replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
const escaped = (text: string): string => encodeURIComponent(text);

/** Texts in which there is nothing to be seen. */
const BLANK: readonly (readonly [name: string, text: string])[] = [
  ['white space', ' \t\r\n\u00a0\u2003\u3000'],
  ['a zero width space', '\u200b'],
  ['word joiners', '\u2060\u2060'],
  ['a blank of braille', '\u2800'],
  ['a filler of Hangul', '\u3164'],
  ['another filler of Hangul', '\u115f\u1160\uffa0'],
  ['a soft hyphen', '\u00ad'],
  ['marks of direction', '\u200e\u200f\u202e'],
  ['a variation selector', '\ufe0f'],
  ['tags', '\u{e0041}'],
  ['a control character', '\u0007'],
  ['all of it', ' \u200b \u2800\n\u3164'],
];

/** Texts that are kept as they came, though something in them cannot be seen. */
const KEPT: readonly (readonly [name: string, text: string])[] = [
  ['a family of one character', '👩\u200d👩\u200d👧'],
  ['letters that are taken apart', 'Rene\u0301'],
  ['two directions', 'a\u202eb\u202c'],
  ['a zero width space at its end', 'a\u200b'],
  ['a mark that stands alone', '\u0301'],
  ['a bell', 'ring \u0007'],
];

/** Names that are refused. */
const NAMELESS: readonly (readonly [name: string, user: string])[] = [
  ['a control character', 'al\u0007ice'],
  ['a line separator', 'al\u2028ice'],
  ['an override of direction', 'al\u202eice'],
  ['a mark of direction', 'alice\u200e'],
  ['an isolate', '\u2066alice\u2069'],
  ['a zero width space', 'al\u200bice'],
  ['a zero width joiner', 'al\u200dice'],
  ['a soft hyphen', 'al\u00adice'],
  ['a byte order mark', `al${BOM}ice`],
  ['a filler of Hangul', 'alice\u3164'],
  ['a character that is none', 'al\ufdd0ice'],
  ['a tag', 'alice\u{e0041}'],
  ['nothing but blanks of braille', '\u2800\u2800'],
  ['white space around it', ' alice'],
  ['one dot', '.'],
  ['two dots', '..'],
];

/** One name in two spellings: only the second is in NFC. */
const SPELLINGS: readonly (readonly [apart: string, whole: string])[] = [
  ['Rene\u0301', 'Ren\u00e9'],
  ['\u1112\u1161\u11ab', '\ud55c'],
  ['\u212bsa', '\u00c5sa'],
];

const RANGE = {
  last: '9007199254740991',
  beyond: ['9007199254740992', '10000000000000000000', '1'.repeat(40)],
};
const NO_NUMBERS = ['-1', '1.5', '1e3', '0x10', '', '+1', '%201'];

/** Doors for a number: the last seq that somebody has, and where a page begins. */
function numbers({ http, opening }: Doors): (readonly [string, (number: string) => Promise<Outcome>])[] {
  return [
    ['since of a WebSocket', (number) => opening(`/ws/updates/${ROOM}?user=nora&since=${number}`)],
    ['after of messages', (number) => http('GET', `${POST}?after=${number}`)],
    ['before of messages', (number) => http('GET', `${POST}?before=${number}`)],
    ['after of all events', (number) => http('GET', `/api/events?after=${number}`)],
    ['after of a room’s events', (number) => http('GET', `/api/events?room_id=${ROOM}&after=${number}`)],
  ];
}

/** Tells what was seen at a door and not expected there. */
async function expect(
  t: Test,
  what: string,
  doing: () => Promise<Outcome>,
  outcome: string,
): Promise<Outcome['told']> {
  const seen = await doing();
  t.equal(seen.outcome, outcome, `${what}: ${outcome} (${shown(seen.told).slice(0, 160)})`);
  return seen.told;
}

for (const broker of BROKERS) {
  t.test(`with the ${broker.name} broker`, async (t) => {
    const doors = await openDoors(t, await broker.env());
    const { http, opening, frame, amqp, parlor } = doors;
    await expect(t, 'a post', () => http('POST', POST, json({ text: 'first' })), 'taken');

    t.test('bytes that are no UTF-8 are refused', async (t) => {
      const latin1 = Buffer.from('{"text":"Gr\xfc\xdfe"}', 'latin1');
      const tooLong = Buffer.from([...Buffer.from('{"text":"'), 0xc0, 0xaf, ...Buffer.from('"}')]);
      for (const [name, body] of [
        ['Latin-1', latin1],
        ['an overlong form', tooLong],
      ] as const) {
        await expect(t, `${name} in a body`, () => http('POST', POST, body), 'bad_request');
        await expect(
          t,
          `${name} in a body, the long way`,
          () => http('POST', POST, body, LONG),
          'bad_request',
        );
        if (!amqp) continue;
        const head = Buffer.from(`{"type":"post","room_id":"${ROOM}","id":"${randomUUID()}","user":null,`);
        const command = Buffer.concat([head, body.subarray(1)]);
        await expect(t, `${name} over RabbitMQ`, () => amqp(ROOM, command), 'bad_request');
      }
      for (const [name, bytes] of [
        ['Latin-1', 'Ren%E9'],
        ['half a character', 'Ren%C3'],
        ['a surrogate', '%ED%A0%80'],
      ]) {
        await expect(
          t,
          `${name} in a path`,
          () => http('DELETE', `/api/rooms/${ROOM}/members/${bytes}`),
          'bad_request',
        );
        await expect(
          t,
          `${name} in the path of a WebSocket`,
          () => opening(`/ws/updates/${bytes}?user=a`),
          'bad_request',
        );
        await expect(t, `${name} in a query`, () => http('GET', `/api/rooms?cursor=${bytes}`), 'bad_request');
        await expect(
          t,
          `${name} in a query’s name`,
          () => http('GET', `/api/rooms?${bytes}=1`),
          'bad_request',
        );
        await expect(
          t,
          `${name} in the query of a WebSocket`,
          () => opening(`/ws/updates/${ROOM}?user=${bytes}`),
          'bad_request',
        );
      }
      const bare = `/ws/updates/${ROOM}?user=Ren\u00e9`;
      await expect(t, 'bytes beyond ASCII in a WebSocket’s address', () => opening(bare), 'bad_request');
      await expect(
        t,
        'bytes beyond ASCII in an address',
        () => http('GET', '/api/rooms?cursor=Ren\u00e9'),
        'bad_request',
      );
    });

    t.test('a charset other than UTF-8 is refused, however UTF-8 is spelled', async (t) => {
      const body = json({ text: 'Hello' });
      const as = (type: string) => () => http('POST', POST, body, [`Content-Type: ${type}`]);
      for (const type of ['application/json; charset=iso-8859-1', 'application/json;charset="UTF-16"'])
        await expect(t, type, as(type), 'unsupported_media_type');
      for (const type of [
        'application/json; charset=UTF-8',
        'application/json;charset="utf-8"',
        'application/json; charset=utf8',
      ])
        await expect(t, type, as(type), 'taken');
    });

    t.test('a byte order mark in front of JSON is ignored', async (t) => {
      const body = `${BOM}${json({ text: 'marked' })}`;
      await expect(t, 'a body', () => http('POST', POST, body), 'taken');
      await expect(t, 'a body, the long way', () => http('POST', POST, body, LONG), 'taken');
      await expect(
        t,
        'a frame',
        () => frame(ROOM, `${BOM}${json({ type: 'post', text: 'marked' })}`),
        'taken',
      );
      const command = { type: 'post', room_id: ROOM, id: randomUUID(), user: null, text: 'marked' };
      if (amqp) await expect(t, 'RabbitMQ', () => amqp(ROOM, `${BOM}${json(command)}`), 'taken');
    });

    t.test('a text in which nothing can be seen is refused', async (t) => {
      for (const [name, text] of BLANK)
        for (const [door, doing] of posts(doors, { text }))
          await expect(t, `${name}, ${door}`, doing, 'bad_request');
    });

    t.test('every other text is kept as it was sent', async (t) => {
      for (const [name, text] of KEPT)
        for (const [door, doing] of posts(doors, { text })) {
          await expect(t, `${name}, ${door}`, doing, 'taken');
          const page = await http('GET', `${POST}?limit=1`);
          t.match(page.told, { messages: [{ text }] }, `${name}, ${door}: as it was`);
        }
    });

    t.test('a name that hides something is refused', async (t) => {
      for (const [name, user] of NAMELESS) {
        await expect(
          t,
          `${name}, query`,
          () => opening(`/ws/updates/${ROOM}?user=${escaped(user)}`),
          'bad_request',
        );
        for (const [door, doing] of posts(doors, { text: 'Hello', user }))
          await expect(t, `${name}, ${door}`, doing, 'bad_request');
        const path = `/api/rooms/${ROOM}/members/${escaped(user)}`;
        await expect(t, `${name}, path`, () => http('DELETE', path), 'bad_request');
        if (!amqp) continue;
        const kick = json({ type: 'kick', room_id: ROOM, user });
        await expect(t, `${name}, a kick over RabbitMQ`, () => amqp(ROOM, kick), 'bad_request');
      }
    });

    t.test('a name is one person, however it is spelled', async (t) => {
      for (const [apart, whole] of SPELLINGS) {
        const welcome = await expect(
          t,
          whole,
          () => opening(`/ws/updates/${ROOM}?user=${escaped(apart)}`),
          'taken',
        );
        t.equal(welcome['user'], whole, 'the name in a query');
        for (const [door, doing] of posts(doors, { text: 'Hello', user: apart })) {
          await expect(t, `${whole}, ${door}`, doing, 'taken');
          const page = await http('GET', `${POST}?limit=1`);
          t.match(page.told, { messages: [{ user: whole }] }, `${whole}, ${door}`);
        }
        await parlor.join('channel:kicked', `user=${escaped(apart)}`);
        const path = `/api/rooms/channel:kicked/members/${escaped(apart)}`;
        await expect(t, `${whole}, path`, () => http('DELETE', path), 'taken');
        if (!amqp) continue;
        await parlor.join('channel:kicked', `user=${escaped(whole)}`);
        const kick = json({ type: 'kick', room_id: 'channel:kicked', user: apart });
        await expect(t, `${whole}, a kick over RabbitMQ`, () => amqp('channel:kicked', kick), 'taken');
      }
      const plus = await expect(t, 'a plus sign', () => opening(`/ws/updates/${ROOM}?user=Ann+Lee`), 'taken');
      t.equal(plus['user'], 'Ann Lee', 'in a query it is a space');
    });

    t.test('a room that no HTTP client can name is refused', async (t) => {
      for (const room of ['.', '..']) {
        await expect(t, `GET ${room}`, () => http('GET', `/api/rooms/${room}`), 'bad_request');
        await expect(t, `PUT ${room}`, () => http('PUT', `/api/rooms/${room}`, '{}'), 'bad_request');
        await expect(
          t,
          `POST ${room}`,
          () => http('POST', `/api/rooms/${room}/messages`, json({ text: 'a' })),
          'bad_request',
        );
        await expect(t, `events of ${room}`, () => http('GET', `/api/events?room_id=${room}`), 'bad_request');
        await expect(t, `WebSocket ${room}`, () => opening(`/ws/updates/${room}?user=a`), 'bad_request');
        await expect(
          t,
          `WebSocket ${escaped(room)}`,
          () => opening(`/ws/updates/${room.replaceAll('.', '%2E')}?user=a`),
          'bad_request',
        );
        const command = json({ type: 'open', room_id: room, policy: {} });
        if (amqp) await expect(t, `RabbitMQ ${room}`, () => amqp(room, command), 'bad_request');
      }
      await expect(t, 'three dots', () => http('PUT', '/api/rooms/...', '{}'), 'taken');
    });

    t.test(
      'a message id is one id in upper and lower case and in quotation marks, at every door',
      async (t) => {
        const id = '0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a';
        const ID = id.toUpperCase();
        const post = json({ text: 'once', user: 'frank' });
        const key = (value: string) => ['Content-Type: application/json', `Idempotency-Key: ${value}`];
        const first = await expect(
          t,
          'a body',
          () => http('POST', POST, json({ text: 'once', user: 'frank', id: ID })),
          'taken',
        );
        t.equal(first['id'], id, 'answered in lower case');
        const ways: (readonly [string, () => Promise<Outcome>])[] = [
          ['a body in lower case', () => http('POST', POST, json({ text: 'once', user: 'frank', id }))],
          [
            'a body, the long way',
            () => http('POST', POST, json({ text: ' once ', user: 'frank', id: ID }), LONG),
          ],
          ['a key', () => http('POST', POST, post, key(id))],
          ['a key in upper case', () => http('POST', POST, post, key(ID))],
          ['a key in quotation marks', () => http('POST', POST, post, key(`"${id}"`))],
          ['a key in both', () => http('POST', POST, post, key(`"${ID}"`))],
          ['a key, the long way', () => http('POST', POST, post, [...LONG, `Idempotency-Key: "${ID}"`])],
          [
            'a key and an id',
            () => http('POST', POST, json({ text: 'once', user: 'frank', id }), key(`"${ID}"`)),
          ],
          ['a frame', () => frame(ROOM, json({ type: 'post', text: 'once', id: ID }))],
        ];
        const command = (change: object) =>
          json({ type: 'post', room_id: ROOM, id: ID, user: 'frank', text: 'once', ...change });
        if (amqp) ways.push(['RabbitMQ', () => amqp(ROOM, command({}))]);
        const again = async (t: Test): Promise<void> => {
          for (const [door, doing] of ways) {
            const told = await expect(t, door, doing, 'taken');
            const said = (told['message'] ?? told) as Readonly<Record<string, unknown>>;
            t.equal(said['seq'], first['seq'], `${door}: its first answer`);
            t.equal(said['id'] ?? said['event_id'], id, `${door}: in lower case`);
          }
        };
        await again(t);
        const other = json({ text: 'twice', user: 'frank', id });
        await expect(t, 'another text', () => http('POST', POST, other), 'id_conflict');
        await expect(
          t,
          'another user',
          () => http('POST', POST, json({ text: 'once', user: 'eve', id })),
          'id_conflict',
        );
        await expect(
          t,
          'another user in a frame',
          () => frame(ROOM, json({ type: 'post', text: 'once', id }), 'eve'),
          'id_conflict',
        );
        if (amqp)
          await expect(
            t,
            'another text over RabbitMQ',
            () => amqp(ROOM, command({ text: 'twice' })),
            'id_conflict',
          );
        for (const key of ['"', `"${id}`, `${id}"`, `'${id}'`, '""', `"${id}", "${id}"`])
          await expect(
            t,
            `the key ${key}`,
            () => http('POST', POST, post, ['Content-Type: application/json', `Idempotency-Key: ${key}`]),
            'bad_request',
          );
        await expect(t, 'reading it', () => http('GET', `/api/messages/${ID}`), 'taken');
        await expect(t, 'reading its event', () => http('GET', `/api/events/${ID}`), 'taken');
        await expect(t, 'going on behind it', () => http('GET', `/api/events?after=${ID}`), 'taken');
        const frank = await parlor.join(ROOM, 'user=frank');
        await expect(
          t,
          'frank is removed',
          () => http('DELETE', `/api/rooms/${ROOM}/members/frank`),
          'taken',
        );
        await frank.closed;
        await again(t);
        await expect(t, 'the room is closed', () => http('DELETE', `/api/rooms/${ROOM}`), 'taken');
        ways.splice(
          ways.findIndex(([door]) => door === 'a frame'),
          1,
        );
        await again(t);
        await expect(t, 'a new one', () => http('POST', POST, post), 'room_closed');
      },
    );
  });
}

const MEMORY = { name: 'memory', env: () => Promise.resolve({ STORE: 'memory' }) };
for (const store of [MEMORY, ...STORES]) {
  t.test(`a number out of its range is refused, and its last is taken, on ${store.name}`, async (t) => {
    const doors = await openDoors(t, await store.env());
    await doors.http('POST', POST, json({ text: 'first' }));
    for (const [door, at] of numbers(doors)) {
      await expect(t, `${door}: 0`, () => at('0'), 'taken');
      await expect(t, `${door}: ${RANGE.last}`, () => at(RANGE.last), 'taken');
      for (const number of RANGE.beyond)
        await expect(t, `${door}: ${number}`, () => at(number), 'bad_request');
      for (const number of NO_NUMBERS)
        await expect(t, `${door}: “${number}”`, () => at(number), 'bad_request');
    }
  });
}

t.test('a file to import is read like everything else', async (t) => {
  const file = (room: string, text = 'Hello', id: string = randomUUID()): string => {
    const event = { ...message(room, 1, text), event_id: id };
    return [
      roomLine(record(room, 1), 1),
      eventLine(event),
      endLine(record(room, 1), 1),
      completeLine(1),
    ].join('');
  };
  t.equal(await imported(t, file('a')), 'taken');
  t.equal(await imported(t, `${BOM}${file('a')}`), 'taken', 'a byte order mark in front of it');
  t.equal(await imported(t, file('a', 'Hello', randomUUID().toUpperCase())), 'taken', 'ids in upper case');
  t.match(await imported(t, Buffer.from(file('a', 'Gr\xfc\xdfe'), 'latin1')), /line 2: .*UTF-8/, 'Latin-1');
  for (const room of ['.', '..'])
    t.match(await imported(t, file(room)), /line 1: .*room_id/, `the room ${room}`);
  t.equal(await imported(t, file('a', '\u200b')), 'taken', 'what an older Parlor stored stays readable');
});
