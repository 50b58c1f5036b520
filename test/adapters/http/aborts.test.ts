import { once } from 'node:events';
import { finished, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import t, { type Test } from 'tap';
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { request } from './corpus.js';
import { exchange, RawClient } from './raw-client.js';
import { startBridge, type RunningBridge } from './servers.js';
import { Signal } from './signal.js';

const STREAM_TYPE = 'Content-Type: application/x-stream';

async function served(t: Test, server: RunningBridge): Promise<void> {
  const { answers } = await exchange(server.port, [request('GET /alive')], ['GET']);
  t.equal(answers[0]?.status, 200, 'others are served');
  await server.bridge.drained();
  t.equal(server.bridge.inFlight, 0, 'nothing is in flight');
  t.same(server.faults, [], 'nothing was thrown');
}

function alive(fastify: FastifyInstance): void {
  fastify.get('/alive', async () => 'yes');
  fastify.addContentTypeParser('application/x-stream', (_request, _payload, done) => done(null));
}

t.test('a client that leaves while the handler works', async (t) => {
  const working = new Signal<{ request: FastifyRequest; raw: FastifyReply['raw'] }>();
  const answer = new Signal<undefined>();
  const hook = new Signal<boolean>();
  const server = await startBridge((fastify) => {
    alive(fastify);
    fastify.addHook('onRequestAbort', async (request) => hook.emit(request.raw.destroyed));
    fastify.post('/work', async (request, reply) => {
      working.emit({ request, raw: reply.raw });
      await answer.promise;
      return { too: 'late' };
    });
  });
  t.teardown(() => server.close());
  const client = await RawClient.open(server.port);
  client.send(request('POST /work', ['Content-Type: application/json'], '{"a":1}'));
  const { request: seen, raw } = await working.promise;
  t.equal(server.bridge.inFlight, 1);
  const told: string[] = [];
  const { signal } = seen;
  seen.raw.on('aborted', () => told.push('aborted'));
  seen.socket.on('close', () => told.push('socket close'));
  seen.raw.on('close', () => told.push('request close'));
  const over = once(raw, 'close');
  client.close();
  await over;
  t.same(told.sort(), ['aborted', 'request close', 'socket close'], 'everybody is told, once');
  t.equal(await hook.promise, true, 'onRequestAbort runs');
  t.equal(signal.aborted, true, 'request.signal is aborted');
  t.equal(seen.raw.destroyed, true);
  t.equal(raw.destroyed, true);
  t.equal(raw.writableFinished, false);
  t.equal(seen.ip, '127.0.0.1', 'the address can still be logged');
  answer.emit(undefined);
  await served(t, server);
});

t.test('nothing that is written after the client left does any harm', async (t) => {
  const working = new Signal<FastifyReply['raw']>();
  const server = await startBridge((fastify) => {
    alive(fastify);
    fastify.get('/work', (_request, reply) => {
      reply.hijack();
      working.emit(reply.raw);
    });
  });
  t.teardown(() => server.close());
  const client = await RawClient.open(server.port);
  client.send(request('GET /work'));
  const raw = await working.promise;
  const over = once(raw, 'close');
  client.close();
  await over;
  const failed = new Signal<Error | null | undefined>();
  t.equal(
    raw.write('late', (cause) => failed.emit(cause)),
    false,
  );
  t.match(await failed.promise, { code: 'ERR_STREAM_DESTROYED' });
  raw.setHeader('x-late', '1');
  raw.writeHead(200);
  raw.flushHeaders();
  const ended = new Signal<unknown>();
  raw.end('late', (cause?: unknown) => ended.emit(cause));
  t.match(await ended.promise, { code: 'ERR_STREAM_DESTROYED' });
  raw.end();
  raw.destroy();
  await served(t, server);
});

for (const [how, framing] of [
  ['of a known length', 'Content-Length: 1000'],
  ['in chunks', 'Transfer-Encoding: chunked'],
] as const) {
  t.test(`an upload ${how} that is cut off half-way`, async (t) => {
    const outcome = new Signal<string>();
    const uploading = new Signal<undefined>();
    const server = await startBridge((fastify) => {
      alive(fastify);
      fastify.post('/json', () => {
        throw new Error('the handler must not run');
      });
      fastify.addHook('onRequest', async (request) => {
        if (request.url === '/json') request.raw.once('data', () => uploading.emit(undefined));
      });
      fastify.post('/iterate', async (request) => {
        try {
          for await (const chunk of request.raw as AsyncIterable<Buffer>)
            if (chunk.length > 0) uploading.emit(undefined);
          outcome.emit('complete');
        } catch (cause) {
          outcome.emit(`failed: ${(cause as { code?: string }).code ?? String(cause)}`);
        }
      });
      fastify.post('/pipe', async (request, reply) => {
        reply.hijack();
        request.raw.once('data', () => uploading.emit(undefined));
        await pipeline(request.raw, reply.raw).then(
          () => outcome.emit('complete'),
          (cause: unknown) => outcome.emit(`failed: ${(cause as { code?: string }).code ?? String(cause)}`),
        );
      });
    });
    t.teardown(() => server.close());
    const part = framing.startsWith('T') ? '5\r\nhello\r\n' : 'hello';
    for (const path of ['/json', '/iterate', '/pipe']) {
      uploading.reset();
      outcome.reset();
      const client = await RawClient.open(server.port);
      const type = path === '/json' ? 'Content-Type: application/json' : STREAM_TYPE;
      client.send(request(`POST ${path}`, [type, framing], part));
      await uploading.promise;
      client.close();
      await server.bridge.drained();
      if (path !== '/json')
        t.match(await outcome.promise, /^failed: /, `${path} is told that the body is not complete`);
      await served(t, server);
    }
  });
}

t.test('an upload that is cut off before anybody reads it', async (t) => {
  const working = new Signal<FastifyRequest>();
  const server = await startBridge((fastify) => {
    alive(fastify);
    fastify.post('/wait', (request, reply) => {
      reply.hijack();
      working.emit(request);
    });
  });
  t.teardown(() => server.close());
  const client = await RawClient.open(server.port);
  client.send(request('POST /wait', [STREAM_TYPE, 'Content-Length: 1000'], 'hello'));
  const { raw } = await working.promise;
  // Without a listener for 'error', which events.once would add: an abort must not need one.
  const over = new Promise((resolve) => raw.once('close', resolve));
  client.close();
  await over;
  t.equal(raw.complete, false);
  await t.rejects(
    new Promise((resolve, reject) => finished(raw, (cause) => (cause ? reject(cause) : resolve(undefined)))),
    'a stream that is looked at only now has failed',
  );
  await served(t, server);
});

for (const sized of [false, true]) {
  t.test(
    `a client that leaves during a${sized ? ' sized' : ' chunked'} stream ends the source`,
    async (t) => {
      const ended = new Signal<Error | undefined>();
      const server = await startBridge((fastify) => {
        alive(fastify);
        fastify.get('/endless', (_request, reply) => {
          const source = new Readable({
            read() {
              this.push(Buffer.alloc(65_536));
            },
            destroy(cause, done) {
              ended.emit(cause ?? undefined);
              done(cause);
            },
          });
          if (sized) void reply.header('content-length', 10 ** 12);
          void reply.send(source);
        });
      });
      t.teardown(() => server.close());
      const client = await RawClient.open(server.port);
      client.send(request('GET /endless'));
      await client.untilReceived('\r\n\r\n');
      client.close();
      await ended.promise;
      await served(t, server);
    },
  );
}

t.test('request.raw.destroy() and reply.raw.destroy() close the connection', async (t) => {
  const server = await startBridge((fastify) => {
    alive(fastify);
    fastify.get('/request', (request, reply) => {
      reply.hijack();
      request.raw.destroy();
    });
    fastify.get('/reply', (_request, reply) => {
      reply.hijack();
      reply.raw.destroy(new Error('enough'));
    });
    fastify.get('/socket', (request, reply) => {
      reply.hijack();
      request.socket.destroy();
    });
    fastify.get('/midway', (_request, reply) => {
      reply.hijack();
      reply.raw.write('half an ans');
      setImmediate(() => reply.raw.destroy());
    });
    fastify.get('/too-short', (_request, reply) => {
      reply.hijack();
      reply.raw.setHeader('content-length', 10);
      reply.raw.write('short');
      reply.raw.end();
    });
    fastify.get('/stream-fails', (_request, reply) => {
      const source = new Readable({ read: () => undefined });
      source.push('some of it');
      void reply.send(source);
      reply.raw.once('pipe', () => undefined);
      setImmediate(() => source.destroy(new Error('the disk is gone')));
    });
  });
  t.teardown(() => server.close());
  for (const path of ['/request', '/reply', '/socket', '/midway', '/too-short', '/stream-fails']) {
    const client = await RawClient.open(server.port);
    client.send(request(`GET ${path}`));
    await client.untilClosed();
    t.equal(await client.answer(), undefined, `${path}: no whole answer, and the connection is closed`);
  }
  await served(t, server);
});

t.test('a hundred clients that leave at every moment', async (t) => {
  const server = await startBridge((fastify) => {
    alive(fastify);
    fastify.post('/work', async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(50_000)));
    });
  });
  t.teardown(() => server.close());
  const bytes = request(
    'POST /work',
    ['Content-Type: application/json'],
    JSON.stringify({ text: 'x'.repeat(500) }),
  );
  await Promise.all(
    Array.from({ length: 100 }, async (_, at) => {
      const client = await RawClient.open(server.port);
      client.send(bytes.slice(0, Math.floor((bytes.length * at) / 60)));
      if (at > 80) await client.untilReceived('HTTP/1.1 200');
      client.close();
    }),
  );
  await served(t, server);
});
