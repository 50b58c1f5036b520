import t, { type Test } from 'tap';
import { type FastifyInstance } from 'fastify';
import { request } from './corpus.js';
import { exchange, RawClient } from './raw-client.js';
import { startBridge, type RunningBridge } from './servers.js';
import { Signal } from './signal.js';

const HARD_BYTES = 100_000;
const SOFT_BYTES = 1000;
const JSON_TYPE = 'Content-Type: application/json';
const CHUNKED = 'Transfer-Encoding: chunked';

let handled = 0;
const waiting = new Signal<undefined>();

function routes(fastify: FastifyInstance): void {
  fastify.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
    reply
      .code(error.statusCode ?? 500)
      .type('application/problem+json')
      .send(JSON.stringify({ by: 'the app', detail: error.message })),
  );
  fastify.addContentTypeParser('application/x-stream', (_request, _payload, done) => done(null));
  fastify.get('/alive', async () => 'yes');
  fastify.post('/soft', { bodyLimit: SOFT_BYTES }, async () => (handled += 1));
  fastify.post('/json', { bodyLimit: 10 * HARD_BYTES }, async () => (handled += 1));
  fastify.post('/unread', (_request, reply) => {
    reply.hijack();
    waiting.emit(undefined);
  });
  fastify.post('/begun', (_request, reply) => {
    reply.hijack();
    reply.raw.write('begun');
  });
  fastify.post('/slow-error', async (request, reply) => {
    reply.hijack();
    request.raw.on('error', () => {
      setImmediate(() => {
        reply.raw.statusCode = 413;
        reply.raw.end('said by the handler');
      });
    });
    request.raw.resume();
  });
}

async function alive(t: Test, server: RunningBridge): Promise<void> {
  await server.bridge.drained();
  const { answers } = await exchange(server.port, [request('GET /alive')], ['GET']);
  t.equal(answers[0]?.body.toString(), 'yes', 'others are served');
  t.equal(handled, 0, 'no handler ran');
  t.same(server.faults, [], 'nothing was thrown');
}

const chunk = (bytes: number): string => `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;

const server = await startBridge(routes, { maxBodyBytes: HARD_BYTES });
t.teardown(() => server.close());

t.test('a body that announces more than the hard limit is refused before the app sees it', async (t) => {
  for (const path of ['/json', '/unread', '/nowhere']) {
    const client = await RawClient.open(server.port);
    client.send(request(`POST ${path}`, [JSON_TYPE, `Content-Length: ${HARD_BYTES + 1}`]));
    const answer = await client.answer('POST');
    t.equal(answer?.status, 413);
    t.match(JSON.parse(answer?.body.toString() ?? ''), { status: 413, detail: /more than 100000 bytes/ });
    await client.untilClosed();
  }
  await alive(t, server);
});

t.test(
  'a chunked body over the hard limit is refused by the app, and the connection is closed',
  async (t) => {
    const client = await RawClient.open(server.port);
    client.send(request('POST /json', [JSON_TYPE, CHUNKED], chunk(60_000) + chunk(60_000)));
    const answer = await client.answer('POST');
    t.equal(answer?.status, 413);
    t.match(JSON.parse(answer?.body.toString() ?? ''), { by: 'the app' });
    await client.untilClosed();
    await alive(t, server);
  },
);

t.test('a chunked body over the hard limit that nobody reads is refused by the bridge', async (t) => {
  const client = await RawClient.open(server.port);
  client.send(request('POST /unread', ['Content-Type: application/x-stream', CHUNKED], chunk(60_000)));
  await waiting.promise;
  client.send(chunk(60_000));
  const answer = await client.answer('POST');
  t.equal(answer?.status, 413);
  t.match(JSON.parse(answer?.body.toString() ?? ''), { status: 413, type: 'about:blank' });
  await client.untilClosed();
  await alive(t, server);
});

t.test('over the hard limit when the answer has begun: cut off', async (t) => {
  const client = await RawClient.open(server.port);
  client.send(request('POST /begun', ['Content-Type: application/x-stream', CHUNKED], chunk(1)));
  await client.untilReceived('begun');
  client.send(chunk(60_000) + chunk(60_000));
  await client.untilClosed();
  t.equal(await client.answer('POST'), undefined, 'what was sent does not look complete');
  await alive(t, server);
});

t.test('a handler may take its time to answer a refused body', async (t) => {
  const client = await RawClient.open(server.port);
  client.send(
    request(
      'POST /slow-error',
      ['Content-Type: application/x-stream', CHUNKED],
      chunk(60_000) + chunk(60_000),
    ),
  );
  const answer = await client.answer('POST');
  t.equal(answer?.status, 413);
  t.equal(answer?.body.toString(), 'said by the handler');
  await client.untilClosed();
  await alive(t, server);
});

for (const framing of [`Content-Length: ${HARD_BYTES / 2}`, CHUNKED]) {
  t.test(
    `over the app's own limit the client gets its 413 even if it reads only after sending (${framing})`,
    async (t) => {
      const body = framing === CHUNKED ? chunk(HARD_BYTES / 2 - 1) : 'x'.repeat(HARD_BYTES / 2 - 1);
      const client = await RawClient.open(server.port);
      client.send(request('POST /soft', [JSON_TYPE, framing], body));
      client.send(framing === CHUNKED ? '0\r\n\r\n' : 'x');
      const answer = await client.answer('POST');
      t.equal(answer?.status, 413);
      t.match(JSON.parse(answer?.body.toString() ?? ''), { by: 'the app' });
      await client.untilClosed();
      await alive(t, server);
    },
  );
}

t.test('a body that comes too slowly is refused', async (t) => {
  const impatient = await startBridge(routes, { maxBodyBytes: HARD_BYTES, bodyTimeoutMs: 100 });
  t.teardown(() => impatient.close());
  for (const [path, type, by] of [
    ['/json', JSON_TYPE, 'the app'],
    ['/unread', 'Content-Type: application/x-stream', undefined],
  ] as const) {
    for (const framing of ['Content-Length: 100', CHUNKED]) {
      const client = await RawClient.open(impatient.port);
      client.send(request(`POST ${path}`, [type, framing], framing === CHUNKED ? chunk(5) : 'xxxxx'));
      const answer = await client.answer('POST');
      t.equal(answer?.status, 408, `${path} ${framing}`);
      t.equal((JSON.parse(answer?.body.toString() ?? '') as { by?: string }).by, by);
      await client.untilClosed();
    }
  }
  await alive(t, impatient);
});

t.test('a body that trickles is refused before uWS ends the connection without a word', async (t) => {
  const impatient = await startBridge(routes, { maxBodyBytes: HARD_BYTES, bodyPaceMs: 300 });
  t.teardown(() => impatient.close());
  for (const framing of ['Content-Length: 100000', CHUNKED]) {
    const client = await RawClient.open(impatient.port);
    const piece = framing === CHUNKED ? chunk(1) : 'x';
    client.send(request('POST /json', [JSON_TYPE, framing], piece));
    const trickle = setInterval(() => client.send(piece), 20);
    const answer = await client.answer('POST');
    clearInterval(trickle);
    t.equal(answer?.status, 408, framing);
    t.match(JSON.parse(answer?.body.toString() ?? ''), { by: 'the app', detail: /too slowly/ });
    await client.untilClosed();
  }
  await alive(t, impatient);
});

t.test('a long body that keeps the pace is taken, however long it takes', async (t) => {
  const bytes = 900_000;
  const patient = await startBridge(routes, { maxBodyBytes: bytes, bodyPaceMs: 1_500 });
  t.teardown(() => patient.close());
  const client = await RawClient.open(patient.port);
  client.send(request('POST /json', [JSON_TYPE, `Content-Length: ${bytes}`], '"'));
  const piece = 'x'.repeat(40_000);
  let left = bytes - 2;
  while (left > 0) {
    client.send(left > piece.length ? piece : 'x'.repeat(left));
    left -= piece.length;
    // In all longer than the time in which 160 KB have to come.
    await new Promise((over) => setTimeout(over, 100));
  }
  client.send('"');
  t.equal((await client.answer('POST'))?.status, 200);
  handled = 0;
});

t.test('a body that stops is refused before uWS ends the connection without a word', async (t) => {
  const impatient = await startBridge(routes, { maxBodyBytes: HARD_BYTES, bodyPauseMs: 100 });
  t.teardown(() => impatient.close());
  for (const framing of ['Content-Length: 100', CHUNKED]) {
    const client = await RawClient.open(impatient.port);
    client.send(request('POST /json', [JSON_TYPE, framing], framing === CHUNKED ? chunk(5) : 'xxxxx'));
    const answer = await client.answer('POST');
    t.equal(answer?.status, 408, framing);
    t.match(JSON.parse(answer?.body.toString() ?? ''), { by: 'the app', detail: /paused/ });
    await client.untilClosed();
  }
  await alive(t, impatient);
});
