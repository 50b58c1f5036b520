import Fastify from 'fastify';
import t from 'tap';
import uWS from 'uWebSockets.js';
import { WebSocket } from 'ws';
import { createHttpBridge } from '../../../adapters/http/bridge.js';
import { addressText } from '../../../adapters/http/socket.js';
import { request } from './corpus.js';
import { exchange, RawClient } from './raw-client.js';
import { startBridge, startNode, type Routes } from './servers.js';
import { Signal } from './signal.js';

t.test('fastify.listen() fails and says what to do instead', async (t) => {
  const bridge = createHttpBridge({ maxBodyBytes: 1000 });
  const fastify = Fastify({ serverFactory: bridge.serverFactory });
  await t.rejects(fastify.listen({ port: 0, host: '127.0.0.1' }), /uWebSockets\.js owns it.*bridge\.attach/);
  await fastify.close();
});

t.test('a bridge that is put together wrongly says so at once', async (t) => {
  const bridge = createHttpBridge({ maxBodyBytes: 1000 });
  t.throws(() => bridge.attach(uWS.App()), /attach comes after/);
  await Fastify({ serverFactory: bridge.serverFactory }).close();
  t.throws(() => Fastify({ serverFactory: bridge.serverFactory }), /already serves/);
  t.throws(() => createHttpBridge({ maxBodyBytes: 0 }), RangeError);
  t.throws(() => createHttpBridge({ maxBodyBytes: 1.5 }), RangeError);
  t.throws(() => createHttpBridge({ maxBodyBytes: 1, bodyTimeoutMs: -1 }), RangeError);
});

t.test('drained waits for the last answer, and fastify.close() runs its hooks', async (t) => {
  const working = new Signal<undefined>();
  const answer = new Signal<undefined>();
  const server = await startBridge((fastify) => {
    fastify.get('/work', async () => {
      working.emit(undefined);
      await answer.promise;
      return 'done';
    });
  });
  t.teardown(() => server.close());
  let closed = 0;
  await server.bridge.drained();
  const client = await RawClient.open(server.port);
  client.send(request('GET /work'));
  await working.promise;
  t.equal(server.bridge.inFlight, 1);
  let drained = false;
  const idle = Promise.all([server.bridge.drained(), server.bridge.drained()]).then(() => (drained = true));
  await server.fastify.close().then(() => (closed += 1));
  t.equal(closed, 1, 'fastify.close() does not wait for answers: drained() does');
  t.equal(drained, false);
  const { answers } = await exchange(server.port, [request('GET /work')], ['GET']);
  t.equal(answers[0]?.status, 503, 'a closed app turns new requests away');
  answer.emit(undefined);
  t.equal((await client.answer())?.body.toString(), 'done');
  await idle;
  t.equal(server.bridge.inFlight, 0);
  client.close();
});

t.test('WebSocket routes of the same port stay WebSocket routes', async (t) => {
  const server = await startBridge(
    (fastify) => {
      fastify.get('/ws', async () => 'not upgraded');
    },
    { before: (app) => app.ws('/ws', { message: (ws, message) => void ws.send(message) }) },
  );
  t.teardown(() => server.close());
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws`);
  const echoed = new Promise<string>((resolve) => {
    socket.on('message', (data: Buffer) => resolve(data.toString()));
  });
  socket.on('open', () => socket.send('hello'));
  t.equal(await echoed, 'hello');
  const { answers } = await exchange(server.port, [request('GET /ws')], ['GET']);
  t.equal(answers[0]?.body.toString(), 'not upgraded', 'without an upgrade Fastify answers');
  const refused = new WebSocket(`ws://127.0.0.1:${server.port}/elsewhere`);
  const why = new Promise<string>((resolve) => refused.on('error', (cause) => resolve(cause.message)));
  t.match(await why, /404/, 'an upgrade elsewhere is an ordinary request');
  socket.terminate();
});

t.test('what a handler or listener throws never ends the process', async (t) => {
  const server = await startBridge(
    (fastify) => {
      fastify.addContentTypeParser('application/x-stream', (_request, _payload, done) => done(null));
      fastify.get('/alive', async () => 'yes');
      fastify.post('/on-data', (request, reply) => {
        reply.hijack();
        request.raw.on('data', () => {
          throw new Error('in data');
        });
      });
      fastify.get('/on-finish', (_request, reply) => {
        reply.hijack();
        reply.raw.on('finish', () => {
          throw new Error('in finish');
        });
        reply.raw.end('fine');
      });
      fastify.get('/on-close', (_request, reply) => {
        reply.hijack();
        reply.raw.on('close', () => {
          throw new Error('in close');
        });
        reply.raw.destroy();
      });
    },
    {
      fastify: {
        rewriteUrl(raw) {
          if (raw.url === '/rewritten') throw new Error('in rewriteUrl');
          return raw.url ?? '';
        },
      },
    },
  );
  t.teardown(() => server.close());
  const outcomes: [string, string, number | undefined][] = [
    ['POST /on-data', 'in data', 500],
    ['GET /on-finish', 'in finish', 200],
    ['GET /on-close', 'in close', undefined],
    ['GET /rewritten', 'in rewriteUrl', 500],
  ];
  for (const [line, message, status] of outcomes) {
    const body = line.startsWith('POST') ? 'body' : '';
    const { answers } = await exchange(
      server.port,
      [request(line, body ? ['Content-Type: application/x-stream'] : [], body)],
      ['GET'],
    );
    t.equal(answers[0]?.status, status, line);
    t.equal((server.faults.pop() as Error | undefined)?.message, message, 'it is reported');
    const { answers: others } = await exchange(server.port, [request('GET /alive')], ['GET']);
    t.equal(others[0]?.status, 200, 'others are served');
  }
  await server.bridge.drained();
  t.same(server.faults, []);
});

t.test('no handler can start another header line or answer', async (t) => {
  const evil = ['a\r\nx-evil: 1', 'a\nx-evil: 1', 'a\rx-evil: 1', 'a\0b', '\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'];
  const routes: Routes = (fastify) => {
    fastify.get('/status-text', (_request, reply) => {
      reply.raw.statusMessage = evil[0] ?? '';
      void reply.send('sent');
    });
    evil.forEach((value, at) => {
      fastify.get(`/value/${at}`, (_request, reply) => void reply.header('x-a', value).send('sent'));
      fastify.get(
        `/values/${at}`,
        (_request, reply) => void reply.header('x-a', ['good', value]).send('sent'),
      );
      fastify.get(`/name/${at}`, (_request, reply) => void reply.header(value, 'a').send('sent'));
      fastify.get(`/cookie/${at}`, (_request, reply) => void reply.header('set-cookie', value).send('sent'));
      fastify.get(`/type/${at}`, (_request, reply) => void reply.type(value).send('sent'));
      fastify.get(`/stream/${at}`, (_request, reply) => void reply.raw.setHeader('x-a', value));
    });
  };
  const server = await startBridge(routes);
  const node = await startNode(routes);
  t.teardown(async () => {
    await server.close();
    await node.close();
  });
  for (const at of evil.keys()) {
    for (const kind of ['value', 'values', 'name', 'cookie', 'type', 'stream']) {
      const line = request(`GET /${kind}/${at}`);
      const [here, there] = await Promise.all([
        exchange(server.port, [line], ['GET']),
        exchange(node.port, [line], ['GET']),
      ]);
      t.equal(here.answers[0]?.status, there.answers[0]?.status, `${kind} ${JSON.stringify(evil[at])}`);
      t.equal(
        here.answers[0]?.body.toString(),
        there.answers[0]?.body.toString(),
        'the error is that of node:http',
      );
      t.notOk(here.answers[0]?.headers.some(([name]) => name === 'x-evil'));
    }
  }
  // On node:http this one ends the process.
  const { answers } = await exchange(server.port, [request('GET /status-text')], ['GET']);
  t.equal(answers[0]?.status, 500, 'status text');
  t.equal(answers[0]?.reason, 'Internal Server Error');
});

t.test('addresses are written as node:net writes them', async (t) => {
  const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
  t.equal(addressText(bytes('7f000001')), '127.0.0.1');
  t.equal(addressText(bytes('00000000000000000000ffff7f000001')), '::ffff:127.0.0.1');
  t.equal(addressText(bytes('00000000000000000000000000000001')), '::1');
  t.equal(addressText(bytes('00000000000000000000000000000000')), '::');
  t.equal(addressText(bytes('20010db8000000000001000000000001')), '2001:db8::1:0:0:1');
  t.equal(addressText(bytes('20010db8000100020003000400050006')), '2001:db8:1:2:3:4:5:6');
  t.equal(addressText(bytes('fe800000000000000000000000000000')), 'fe80::');
  t.equal(addressText(bytes('')), '');
});
