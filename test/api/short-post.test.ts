import t from 'tap';
import { ERROR_CODES, ERRORS } from '../../engine/errors.js';
import type { Answer } from '../../engine/messages/answers.js';
import { request, type Case } from '../adapters/http/corpus.js';
import { exchange, RawClient } from '../adapters/http/raw-client.js';
import { Signal } from '../adapters/http/signal.js';
import { plain, serve, type Way } from './posting-ways.js';

const JSON_TYPE = 'Content-Type: application/json';
const POST = 'POST /api/rooms/42/messages';
const ID = '0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a';

const post = (body: unknown, headers: readonly string[] = [], line = POST): string =>
  request(line, [JSON_TYPE, ...headers], Buffer.from(JSON.stringify(body)).toString('latin1'));
const one = (name: string, bytes: string): Case => ({ name, parts: [bytes], methods: ['POST'] });

/** Those that the short cut has to take, or it would be of no use. */
const TAKEN: readonly Case[] = [
  one('a post', post({ text: 'Hello', user: 'bob' })),
  one('without a user', post({ text: '  Hello ' })),
  one('beyond ASCII', post({ text: 'Grüße 😀 \u2028 " \\', user: 'ürsel' })),
  one('an id', post({ text: 'Hello', id: ID })),
  one('an Idempotency-Key', post({ text: 'Hello' }, [`Idempotency-Key: ${ID}`])),
  one('both', post({ text: 'Hello', id: ID }, [`Idempotency-Key: ${ID}`])),
  one('a request id', post({ text: 'Hello' }, ['X-Request-Id: mine-7'])),
  one('a request id that is none', post({ text: 'Hello' }, ['X-Request-Id: m\u00e4ine'])),
  one('a room with colons', post({ text: 'Hello' }, [], 'POST /api/rooms/channel:a-1/messages')),
  one('queued', post({ text: 'queue' })),
  ...ERROR_CODES.map((code) => one(`refused: ${code}`, post({ text: code }))),
  one('a fault of ours', post({ text: 'crash' })),
  one('an answer that cannot be', post({ text: 'done' })),
];

const LEFT: readonly Case[] = [
  one('a room id that is none', post({ text: 'Hello' }, [], 'POST /api/rooms/a%20b/messages')),
  one('a room id in percent signs', post({ text: 'Hello' }, [], 'POST /api/rooms/%34%32/messages')),
  one(
    'a room id that is too long',
    post({ text: 'Hello' }, [], `POST /api/rooms/${'x'.repeat(65)}/messages`),
  ),
  one('no room id', post({ text: 'Hello' }, [], 'POST /api/rooms//messages')),
  one('a query', post({ text: 'Hello' }, [], `${POST}?a=1`)),
  one('a slash too many', post({ text: 'Hello' }, [], `${POST}/`)),
  one('a slash too many before', post({ text: 'Hello' }, [], 'POST //api/rooms/42/messages')),
  one('another method', post({ text: 'Hello' }, [], 'PUT /api/rooms/42/messages')),
  one('a lower-case method', post({ text: 'Hello' }, [], 'post /api/rooms/42/messages')),
  one('no text', post({ user: 'bob' })),
  one('an empty text', post({ text: ' ' })),
  one('a text that is too long', post({ text: 'x'.repeat(2049) })),
  one('a field too many', post({ text: 'Hello', more: 1 })),
  one('a user that is none', post({ text: 'Hello', user: '..' })),
  one('an id that is none', post({ text: 'Hello', id: '7' })),
  one('a key that is none', post({ text: 'Hello' }, ['Idempotency-Key: 7'])),
  one('id and key differ', post({ text: 'Hello', id: ID }, [`Idempotency-Key: ${ID.replace('0', '1')}`])),
  one('a list', post(['Hello'])),
  one('null', post(null)),
  one('not JSON', request(POST, [JSON_TYPE], '{"text":')),
  one('not UTF-8', request(POST, [JSON_TYPE], '{"text":"\xff\xfe","id":7}')),
  one('a prototype', request(POST, [JSON_TYPE], '{"text":"a","__proto__":{"user":"x"}}')),
  one('a constructor', request(POST, [JSON_TYPE], '{"text":"a","constructor":{"prototype":{}}}')),
  one('an empty body', request(POST, [JSON_TYPE, 'Content-Length: 0'])),
  one('no body', request(POST, [JSON_TYPE])),
  one('a body that is too long', post({ text: 'Hello', user: 'x'.repeat(5000) })),
  one('a body far too long', post({ text: 'Hello', user: 'x'.repeat(9000) })),
  one('another type', request(POST, ['Content-Type: text/plain'], 'Hello')),
  one('no type', request(POST, [], '{"text":"Hello"}')),
  one(
    'another charset',
    request(POST, ['Content-Type: application/json;charset=latin1'], '{"text":"Hello"}'),
  ),
  one(
    'chunks',
    request(POST, [JSON_TYPE, 'Transfer-Encoding: chunked'], '10\r\n{"text":"Hello"}\r\n0\r\n\r\n'),
  ),
  one('the last of its connection', post({ text: 'Hello' }, ['Connection: close'])),
];

/** Whether the pieces of a body still are some when they arrive is up to the network. */
const EITHER: readonly Case[] = [
  {
    name: 'a body in pieces',
    parts: [post({ text: 'Hello' }).slice(0, -9), post({ text: 'Hello' }).slice(-9)],
    methods: ['POST'],
  },
];

t.test('the short way of a post gives the answers of the long one, and logs the same', async (t) => {
  const [short, long] = await Promise.all([serve(t, true), serve(t, false)]);
  for (const { name, parts, methods } of [...TAKEN, ...LEFT, ...EITHER]) {
    const before = short.taken.count;
    const [ours, theirs] = await Promise.all(
      [short, long].map(async ({ port }) => {
        const { answers, closed } = await exchange(port, parts, methods);
        const told = answers.map(({ status, reason, headers, body }) => ({
          status,
          reason,
          headers: headers
            .filter(([header]) => header !== 'date')
            .map(([header, value]) => `${header}: ${plain(value)}`)
            .sort(),
          body: plain(body.toString()),
        }));
        return { told, closed };
      }),
    );
    t.strictSame(ours, theirs, name);
    t.ok((ours?.told.length ?? 0) > 0, `${name}: is answered`);
    if (EITHER.some((either) => either.name === name)) continue;
    const wanted = TAKEN.some((taken) => taken.name === name) ? methods.length : 0;
    t.equal(short.taken.count - before, wanted, `${name}: ${wanted > 0 ? 'was taken' : 'was left alone'}`);
  }
  t.strictSame(short.log, long.log);
  t.strictSame(await short.counts(), await long.counts(), 'and counts the same');
  const ids = ({ commands }: Way): unknown => JSON.parse(plain(JSON.stringify(commands)));
  t.strictSame(ids(short), ids(long), 'the engine is told the same');
  t.equal(short.inFlight(), 0);
});

t.test('each refusal that may be repeated says so, and when to come again', async (t) => {
  const { port } = await serve(t, true);
  for (const code of ERROR_CODES) {
    const { answers } = await exchange(port, [post({ text: code })], ['POST']);
    const { retry } = ERRORS[code];
    const seconds = answers[0]?.headers.find(([name]) => name === 'retry-after')?.[1];
    const problem = JSON.parse(answers[0]?.body.toString() ?? '') as {
      retry: boolean;
      retry_after_ms?: number;
    };
    t.equal(problem.retry, retry, code);
    t.equal(
      seconds,
      retry ? String((problem.retry_after_ms ?? 0) / 1_000) : undefined,
      `${code}: Retry-After`,
    );
  }
});

t.test('no post is carried out without an answer when another one is pipelined behind it', async (t) => {
  for (const short of [true, false]) {
    const running = await serve(t, short);
    const client = await RawClient.open(running.port);
    client.send(post({ text: '1' }) + post({ text: '2' }));
    const rest = await client.untilClosed();
    t.equal(rest, '', 'the connection is closed');
    while (running.inFlight() > 0) await new Promise((turn) => setImmediate(turn));
    await new Promise((turn) => setImmediate(turn));
    t.same(running.commands, [], `${short ? 'the short' : 'the long'} way: nothing was done`);
  }
});

t.test(
  'of clients that post at the same moment, only those with another post behind theirs are left out',
  async (t) => {
    const running = await serve(t, true);
    const names = Array.from({ length: 40 }, (_, n) => `${n % 2 === 0 ? 'one' : 'two'} ${n}`);
    const clients = await Promise.all(names.map(() => RawClient.open(running.port)));
    // Written in one turn, so that the server reads them in one turn.
    for (const [n, client] of clients.entries()) {
      const request = post({ text: names[n] });
      client.send(n % 2 === 0 ? request : request + request);
    }
    const pairs = clients.filter((_, n) => n % 2 === 1);
    for (const rest of await Promise.all(pairs.map((client) => client.untilClosed()))) t.equal(rest, '');
    while (running.inFlight() > 0) await new Promise((turn) => setImmediate(turn));
    const done = running.commands.flatMap((command) => (command.type === 'post' ? [command.text] : []));
    t.same(
      done.sort(),
      names.filter((name) => name.startsWith('one')).sort(),
      'each of the others is carried out once',
    );
  },
);

t.test('a client that leaves before its answer costs nothing', async (t) => {
  const asked = new Signal<undefined>();
  const answer = new Signal<Answer>();
  const running = await serve(t, true, () => {
    asked.emit(undefined);
    return answer.promise;
  });
  const client = await RawClient.open(running.port);
  client.send(post({ text: 'Hello' }));
  await asked.promise;
  t.equal(running.inFlight(), 1);
  client.close();
  while (running.inFlight() > 0) await new Promise((turn) => setImmediate(turn));
  answer.emit({ type: 'queued' });
  await answer.promise;
  const { answers } = await exchange(running.port, [post({ text: 'x' })], ['POST']);
  t.equal(answers[0]?.status, 202);

  const early = await RawClient.open(running.port);
  early.send(post({ text: 'Hello' }).slice(0, -9));
  while (running.inFlight() === 0) await new Promise((turn) => setImmediate(turn));
  early.close();
  while (running.inFlight() > 0) await new Promise((turn) => setImmediate(turn));
  t.equal(running.taken.count, 2, 'those that came whole');
});
