import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import t from 'tap';
import { until } from '../../support/until.js';
import { request } from './corpus.js';
import { RawClient } from './raw-client.js';
import { startBridge } from './servers.js';

let stored = '';
const JSON_TYPE = 'Content-Type: application/json';

const server = await startBridge((fastify) => {
  fastify.addContentTypeParser('application/x-stream', (_request, _payload, done) => done(null));
  fastify.get('/at/:at', async (request) => request.params);
  fastify.post('/echo', async (request) => request.body);
  fastify.get('/later/:at', async (request) => {
    await new Promise((resolve) => setImmediate(resolve));
    return request.params;
  });
  fastify.get('/stream', async () => Readable.from(['a', 'b', 'c']));
  fastify.get('/close', (_request, reply) => void reply.header('connection', 'close').send('bye'));
  fastify.get('/close-async', async (_request, reply) => {
    await new Promise((resolve) => setImmediate(resolve));
    return reply.header('Connection', 'Close').send('bye');
  });
  fastify.post('/store', (request, reply) => {
    void pipeline(request.raw, async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) stored += chunk.toString();
    }).catch((cause: unknown) => t.threw(cause));
    void reply.code(202).send('accepted');
  });
  fastify.post('/early', (_request, reply) => void reply.send('early'));
});
t.teardown(() => server.close());

t.test('a thousand requests on one connection are answered in their order', async (t) => {
  const client = await RawClient.open(server.port);
  const wrong: number[] = [];
  for (let at = 0; at < 1000; at += 1) {
    const kind = at % 4;
    if (kind === 0) client.send(request(`GET /at/${at}`));
    else if (kind === 1) client.send(request('POST /echo', [JSON_TYPE], `{"at":"${at}"}`));
    else if (kind === 2) client.send(request(`GET /later/${at}`));
    else client.send(request(`HEAD /at/${at}`));
    const method = kind === 3 ? 'HEAD' : 'GET';
    const answer = await client.answer(method);
    const expected = kind === 3 ? '' : `{"at":"${at}"}`;
    if (answer?.status !== 200 || answer.body.toString() !== expected) wrong.push(at);
  }
  t.same(wrong, []);
  client.close();
});

t.test('pipelined requests whose handlers await nothing slow are answered in their order', async (t) => {
  const client = await RawClient.open(server.port);
  client.send(
    Array.from({ length: 300 }, (_, at) =>
      at % 2 ? request('POST /echo', [JSON_TYPE], `{"at":"${at}"}`) : request(`GET /at/${at}`),
    ).join(''),
  );
  for (let at = 0; at < 300; at += 1) {
    const answer = await client.answer();
    if (answer?.body.toString() !== `{"at":"${at}"}`)
      t.fail(`answer ${at} is ${answer?.body.toString() ?? 'missing'}`);
  }
  t.equal(client.closed, false);
  client.close();
});

t.test('a request that is pipelined behind an answer still to come closes the connection', async (t) => {
  const client = await RawClient.open(server.port);
  client.send(request('GET /later/1') + request('GET /at/2'));
  await client.untilClosed();
  t.pass('closed: a client may send it again, and no answer goes to the wrong request');
  await server.bridge.drained();
});

for (const path of ['/close', '/close-async']) {
  t.test(`${path}: "connection: close" of the handler closes the connection, and is said once`, async (t) => {
    const client = await RawClient.open(server.port);
    client.send(request(`GET ${path}`));
    const answer = await client.answer();
    t.equal(answer?.body.toString(), 'bye');
    t.same(
      answer?.headers.filter(([name]) => name === 'connection').map(([, value]) => value),
      ['close'],
    );
    await client.untilClosed();
  });
}

for (const value of ['close', 'Close', 'keep-alive, close', 'TE, close']) {
  for (const path of ['/at/1', '/later/1']) {
    t.test(
      `${path}: "connection: ${value}" of the client closes the connection, and is said once`,
      async (t) => {
        const client = await RawClient.open(server.port);
        client.send(request(`GET ${path}`, [`Connection: ${value}`]));
        const answer = await client.answer();
        t.equal(answer?.status, 200);
        t.same(
          answer?.headers.filter(([name]) => name === 'connection').map(([, said]) => said),
          ['close'],
        );
        await client.untilClosed();
      },
    );
  }
}

t.test('"connection: close" of the client closes the connection after a stream', async (t) => {
  const client = await RawClient.open(server.port);
  client.send(request('GET /stream', ['Connection: close']));
  t.equal((await client.answer())?.body.toString(), 'abc');
  await client.untilClosed();
});

t.test(
  'a handler that answers early still gets the whole body, and so does not lose an upload',
  async (t) => {
    for (const framing of ['Content-Length: 10', 'Transfer-Encoding: chunked']) {
      const chunked = framing.startsWith('T');
      const client = await RawClient.open(server.port);
      stored = '';
      client.send(
        request(
          'POST /store',
          ['Content-Type: application/x-stream', framing],
          chunked ? '5\r\nfirst\r\n' : 'first',
        ),
      );
      await until(() => stored === 'first', { what: 'the first half' });
      client.send(chunked ? '5\r\n-half\r\n0\r\n\r\n' : `-half${request('GET /at/9')}`);
      t.equal((await client.answer('POST'))?.status, 202);
      t.equal(stored, 'first-half', framing);
      if (chunked) await client.untilClosed();
      else t.equal((await client.answer())?.body.toString(), '{"at":"9"}');
      client.close();
    }
  },
);

t.test('an answer that comes before its body waits for chunks, and for nothing else', async (t) => {
  const client = await RawClient.open(server.port);
  client.send(request('POST /early', ['Content-Type: application/x-stream', 'Content-Length: 10'], 'half '));
  t.equal(
    (await client.answer('POST'))?.body.toString(),
    'early',
    'a body of a known length is not waited for',
  );
  client.send(`half2${request('GET /at/7')}`);
  t.equal(
    (await client.answer())?.body.toString(),
    '{"at":"7"}',
    'the rest of it is not taken for a request',
  );

  client.send(
    request(
      'POST /early',
      ['Content-Type: application/x-stream', 'Transfer-Encoding: chunked'],
      '3\r\nabc\r\n',
    ),
  );
  client.send('4\r\nmore\r\n0\r\n\r\n');
  t.equal((await client.answer('POST'))?.body.toString(), 'early', 'chunks are waited for');
  await client.untilClosed();
});

t.test('a server that goes down ends each connection with its answer, and says so once', async (t) => {
  let answer: (text: string) => void = () => undefined;
  const going = await startBridge((fastify) => {
    fastify.get('/now', async () => 'now');
    fastify.get('/later', () => new Promise<string>((done) => (answer = done)));
    fastify.get('/close', (_request, reply) => void reply.header('connection', 'close').send('bye'));
  });
  t.teardown(() => going.close());
  const [begun, idle, closing] = await Promise.all([1, 2, 3].map(() => RawClient.open(going.port)));
  begun?.send(request('GET /later'));
  idle?.send(request('GET /now'));
  t.equal((await idle?.answer())?.body.toString(), 'now');
  await until(() => going.bridge.inFlight === 1, { what: 'the request under way' });
  going.bridge.closeConnections(true);
  answer('later');
  idle?.send(request('GET /now'));
  closing?.send(request('GET /close'));
  for (const client of [begun, idle, closing]) {
    const given = await client?.answer();
    t.equal(given?.status, 200);
    t.same(
      given?.headers.filter(([name]) => name === 'connection').map(([, said]) => said),
      ['close'],
    );
    await client?.untilClosed();
  }
});
