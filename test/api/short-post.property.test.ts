import fc from 'fast-check';
import t from 'tap';
import { request } from '../adapters/http/corpus.js';
import { exchange } from '../adapters/http/raw-client.js';
import { MAX_BODY_BYTES, plain, serve, type Way } from './posting-ways.js';

const RUNS = Number(process.env['RUNS'] ?? 400);
const SEED = Number(process.env['SEED'] ?? Date.now());
const ID = '0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a';

/** `usual` nine times in ten: most requests shall be posts that only one thing is odd with. */
function mostly<A, B>(usual: fc.Arbitrary<A>, odd: fc.Arbitrary<B>): fc.Arbitrary<A | B> {
  return fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

const texts = fc.string({
  unit: fc.oneof(
    fc.constantFrom(' ', 'a', '"', '\\', 'ü', '😀', '\n', '\u0000', '\ud800', '\u200b'),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  maxLength: 30,
});
const bodies = fc
  .record(
    {
      text: mostly(
        fc.oneof(
          fc.constant('Hello'),
          texts,
          fc.nat(2_100).map((length) => 'x'.repeat(length)),
        ),
        fc.jsonValue(),
      ),
      user: mostly(fc.oneof({ weight: 5, arbitrary: fc.constant('bob') }, texts), fc.jsonValue()),
      id: mostly(fc.constantFrom(ID, ID.replace('0', '1')), fc.oneof(fc.constant(ID.toUpperCase()), texts)),
      other: fc.jsonValue(),
    },
    { requiredKeys: ['text'] },
  )
  .map(({ other, ...body }) =>
    other === undefined || JSON.stringify(other).length % 17 > 0 ? body : { ...body, other },
  );

/** White space that JSON allows, in any number, also so that the body has the size of the limit and some bytes more or less. */
const paddings = fc.record({
  before: fc.string({ unit: fc.constantFrom(' ', '\n', '\r', '\t'), maxLength: 5 }),
  size: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    fc.integer({ min: MAX_BODY_BYTES - 2, max: MAX_BODY_BYTES + 2 }),
    fc.integer({ min: 2 * MAX_BODY_BYTES - 2, max: 2 * MAX_BODY_BYTES + 2 }),
  ),
});
const types = mostly(
  fc.constantFrom(
    ...[
      'application/json',
      'application/json; charset=utf-8',
      'application/json;charset=utf-8',
      'Application/JSON',
    ],
    ...[
      'application/json; charset=UTF-8',
      'application/json; charset="utf-8"',
      'application/json ; Charset=utf-8',
      'application/json;',
    ],
  ),
  fc.constantFrom(
    'text/plain',
    'application/jsonp',
    'application/json; charset=latin1',
    'application/problem+json',
    '',
    'application /json',
    'application/json; charset = utf-8',
  ),
);
const names = fc.constantFrom('Content-Type', 'content-type', 'CONTENT-TYPE');
const keys = fc.option(
  mostly(fc.constantFrom(ID, ID.replace('0', '1')), fc.constantFrom('7', ID.toUpperCase(), '', `"${ID}"`)),
  { nil: undefined },
);
const lines = mostly(
  fc.constant('/api/rooms/42/messages'),
  fc.constantFrom(
    '/api/rooms/4%32/messages',
    '/api/rooms/42/messages/',
    '/api/rooms/42/messages?a=1',
    '/api/rooms/42/messages?',
    '/api/rooms/a b/messages',
    '/api/rooms/channel:x/messages',
  ),
);
const posts = fc
  .record({
    body: mostly(
      bodies.map((body) => JSON.stringify(body)),
      fc.oneof(fc.json(), fc.string()),
    ),
    padding: paddings,
    type: types,
    name: names,
    key: keys,
    line: lines,
    spaces: fc.constantFrom('', ' ', '\t '),
  })
  .map(({ body, padding, type, name, key, line, spaces }) => {
    const bytes = Buffer.from(padding.before + body);
    const padded = Buffer.concat([bytes, Buffer.alloc(Math.max(0, padding.size - bytes.length), ' ')]);
    const headers = [
      `${name}:${spaces}${type}${spaces}`,
      ...(key === undefined ? [] : [`Idempotency-Key: ${key}`]),
      `Content-Length: ${padded.length}`,
    ];
    return request(`POST ${line}`, headers, padded.toString('latin1'));
  });

async function post({ port }: Way, bytes: string): Promise<object> {
  const { answers, closed } = await exchange(port, [bytes], ['POST']);
  return {
    closed,
    answers: answers.map(({ status, headers, body }) => ({
      status,
      headers: headers
        .filter(([name]) => name !== 'date')
        .map(([name, value]) => `${name}: ${plain(value)}`)
        .sort(),
      body: plain(body.toString()),
    })),
  };
}

t.test(
  `any post is answered alike on both ways, is logged, counted and told the engine alike (SEED=${SEED})`,
  async (t) => {
    const [short, long] = await Promise.all([serve(t, true), serve(t, false)]);
    let posted = 0;
    await fc.assert(
      fc.asyncProperty(posts, async (bytes) => {
        const [ours, theirs] = await Promise.all([post(short, bytes), post(long, bytes)]);
        const [one, other] = [JSON.stringify(ours), JSON.stringify(theirs)];
        if (one !== other)
          throw new Error(`short: ${one}\nlong: ${other}\nof ${JSON.stringify(bytes.slice(0, 600))}`);
        if (one.includes('"status":201')) posted++;
      }),
      { numRuns: RUNS, seed: SEED },
    );
    t.strictSame(short.log, long.log, 'the same lines');
    t.strictSame(await short.counts(), await long.counts(), 'the same counts');
    t.strictSame(
      JSON.parse(plain(JSON.stringify(short.commands))),
      JSON.parse(plain(JSON.stringify(long.commands))),
      'the engine is told the same',
    );
    t.ok(posted > RUNS / 10, `${posted} of ${RUNS} were posted`);
    t.ok(short.taken.count > RUNS / 10, `${short.taken.count} of ${RUNS} went the short way`);
    t.equal(long.taken.count, 0);
  },
);
