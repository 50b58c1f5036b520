import { once } from 'node:events';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { pipeline } from 'node:stream/promises';
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

const ECHOED_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** The bodyLimit of the compared app, in bytes. */
export const BODY_LIMIT = 4096;

/** What the handler saw, so that a difference in the request becomes one in the answer. */
function seen(request: FastifyRequest): object {
  return {
    method: request.method,
    url: request.url,
    query: request.query,
    params: request.params,
    headers: request.headers,
    body: request.body ?? null,
    ip: request.ip,
    protocol: request.protocol,
    hostname: request.hostname,
    host: request.host,
    httpVersion: request.raw.httpVersion,
  };
}

async function* numbers(count: number): AsyncGenerator<string> {
  for (let at = 0; at < count; at += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    yield `${at};`;
  }
}

/** An app that does everything a handler may do to an answer. The same for node:http and for the bridge. */
export function compareRoutes(fastify: FastifyInstance): void {
  fastify.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  fastify.addContentTypeParser('application/x-stream', (_request, _payload, done) => done(null));
  fastify.setErrorHandler((error: Error & { statusCode?: number; code?: string }, _request, reply) =>
    reply
      .code(error.statusCode ?? 500)
      .type('application/problem+json')
      .send(JSON.stringify({ status: error.statusCode ?? 500, code: error.code, detail: error.message })),
  );
  plainRoutes(fastify);
  rawRoutes(fastify);
  streamRoutes(fastify);
  bodyRoutes(fastify);
  faultyRoutes(fastify);
}

function plainRoutes(fastify: FastifyInstance): void {
  fastify.route({ method: ECHOED_METHODS, url: '/echo', handler: async (request) => seen(request) });
  fastify.route({ method: ECHOED_METHODS, url: '/echo/:name', handler: async (request) => seen(request) });
  fastify.get('/health', async () => 'healthy');
  fastify.get('/text', async () => 'plain text');
  fastify.get('/unicode', async () => 'größer — 漢字 — \u{1F600}');
  fastify.get('/surrogate', async () => 'a\ud800b');
  fastify.get('/empty', (_request, reply) => void reply.send());
  fastify.get('/empty-string', (_request, reply) => void reply.send(''));
  fastify.get('/null', async (_request, reply) => reply.send(null));
  fastify.get('/buffer', async () => Buffer.from([0, 1, 2, 253, 254, 255]));
  fastify.get('/slice', async () => new Uint8Array(Buffer.from('0123456789')).subarray(3, 6));
  fastify.get('/big', async () => 'x'.repeat(1_000_000));
  fastify.get('/big-buffer', async () => Buffer.alloc(1_000_000, 'ab'));
  fastify.get(
    '/cookies',
    (_request, reply) =>
      void reply.header('set-cookie', ['a=1', 'b=2; Path=/']).header('set-cookie', 'c=3').send('ok'),
  );
  fastify.get(
    '/many-values',
    (_request, reply) => void reply.header('x-many', ['1', '2']).header('x-number', 7).send('ok'),
  );
  fastify.get('/latin1-text', (_request, reply) => void reply.header('x-name', 'café').send('ok'));
  fastify.get(
    '/latin1-bytes',
    (_request, reply) => void reply.header('x-name', 'café').send(Buffer.from('ok')),
  );
  fastify.get(
    '/status/:code',
    (request: FastifyRequest<{ Params: { code: string } }>, reply) =>
      void reply.code(Number(request.params.code)).send('body'),
  );
  fastify.route({
    method: ['GET', 'POST'],
    url: '/no-content',
    handler: (_request, reply) => void reply.code(204).send(),
  });
  fastify.get('/not-modified', (_request, reply) => void reply.code(304).header('etag', '"x"').send());
  fastify.get(
    '/not-modified-length',
    (_request, reply) => void reply.code(304).header('content-length', '17').send(),
  );
  fastify.get('/redirect', (_request, reply) => void reply.redirect('/elsewhere?x=1', 307));
  fastify.get('/close', (_request, reply) => void reply.header('connection', 'close').send('bye'));
  fastify.get('/async', async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return { later: true };
  });
  fastify.get('/early-hints', (_request, reply: FastifyReply) => {
    reply.raw.setHeader('x-after', 'hints');
    void reply.send('ok');
  });
}

function rawRoutes(fastify: FastifyInstance): void {
  fastify.get('/raw/end', (_request, reply) => {
    reply.hijack();
    reply.raw.statusCode = 203;
    reply.raw.setHeader('X-Mixed-Case', 'kept');
    reply.raw.end('raw');
  });
  fastify.get('/raw/status-message', (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, 'Very Fine', { 'Content-Type': 'text/plain', 'Content-Length': 2 });
    reply.raw.end('ok');
  });
  fastify.get('/raw/array-head', (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(201, ['X-A', '1', 'X-B', '2']);
    reply.raw.end();
  });
  fastify.get('/raw/merged-head', (_request, reply) => {
    reply.hijack();
    reply.raw.setHeader('x-a', 'stored').setHeader('x-b', 'kept').appendHeader('x-b', 'more');
    reply.raw.writeHead(200, { 'X-A': 'given' });
    reply.raw.end('ok');
  });
  fastify.route({
    method: ['GET', 'POST'],
    url: '/raw/writes',
    handler: (_request, reply) => {
      reply.hijack();
      reply.raw.write('one ');
      reply.raw.write(Buffer.from('two '));
      reply.raw.write('74687265652c20', 'hex');
      reply.raw.end('four');
    },
  });
  fastify.get('/raw/fixed-writes', (_request, reply) => {
    reply.hijack();
    reply.raw.setHeader('content-length', 9);
    reply.raw.write('one');
    reply.raw.write('two');
    reply.raw.end('six');
  });
  fastify.get('/raw/fixed-head-first', async (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-length': '4' });
    reply.raw.flushHeaders();
    await new Promise((resolve) => setImmediate(resolve));
    reply.raw.end('done');
  });
  fastify.get('/raw/chunked', (_request, reply) => {
    reply.hijack();
    reply.raw.setHeader('Transfer-Encoding', 'chunked');
    reply.raw.end('in one chunk');
  });
  fastify.get('/raw/removed', (_request, reply) => {
    reply.raw.setHeader('x-gone', '1');
    reply.raw.removeHeader('X-Gone');
    reply.raw.setHeader('x-names', reply.raw.getHeaderNames().join('|'));
    void reply.send({ has: reply.raw.hasHeader('x-gone') });
  });
  fastify.get('/raw/callbacks', (_request, reply) => {
    reply.hijack();
    const order: string[] = [];
    reply.raw.on('finish', () => order.push('finish'));
    reply.raw.write('a', () => {
      order.push('written');
      reply.raw.end(order.join());
    });
  });
  fastify.get('/raw/second-end', (_request, reply) => {
    reply.hijack();
    reply.raw.end('first');
    reply.raw.end();
  });
  fastify.get('/raw/no-content-body', (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(204);
    reply.raw.write('never');
    reply.raw.end('seen');
  });
}

function streamRoutes(fastify: FastifyInstance): void {
  fastify.get('/stream/numbers', async (_request, reply) => reply.send(Readable.from(numbers(50))));
  fastify.get('/stream/typed', async (_request, reply) =>
    reply.type('text/csv').send(Readable.from(['a,', 'b'])),
  );
  fastify.get('/stream/empty', async (_request, reply) => reply.send(Readable.from([])));
  fastify.route({
    method: ['GET', 'POST'],
    url: '/stream/sized',
    handler: async (_request, reply) =>
      reply.header('content-length', 6).send(Readable.from([Buffer.from('abc'), Buffer.from('def')])),
  });
  fastify.get('/stream/large', async (_request, reply) =>
    reply.send(Readable.from(Array.from({ length: 40 }, (_, at) => Buffer.alloc(100_000, at)))),
  );
  fastify.get('/stream/web', async (_request, reply) =>
    reply.send(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('web '));
          controller.enqueue(new TextEncoder().encode('stream'));
          controller.close();
        },
      }),
    ),
  );
  fastify.get(
    '/stream/response',
    async () => new Response('from fetch', { status: 202, headers: { 'x-from': 'response' } }),
  );
  fastify.get('/stream/pipeline', async (_request, reply) => {
    reply.hijack();
    await pipeline(Readable.from(numbers(10)), reply.raw);
  });
  fastify.get('/stream/error-before', async (_request, reply) =>
    reply.send(
      new Readable({
        read() {
          this.destroy(new Error('cannot be opened'));
        },
      }),
    ),
  );
}

function bodyRoutes(fastify: FastifyInstance): void {
  fastify.post('/body/piped', async (request, reply) => {
    reply.hijack();
    await pipeline(request.raw, reply.raw);
  });
  fastify.post('/body/iterated', async (request) => {
    let bytes = 0;
    for await (const chunk of request.raw as AsyncIterable<Buffer>) bytes += chunk.length;
    return { bytes };
  });
  fastify.post('/body/encoded', async (request) => {
    request.raw.setEncoding('hex');
    let text = '';
    request.raw.on('data', (chunk: string) => (text += chunk));
    await once(request.raw, 'end');
    return { text, complete: request.raw.complete };
  });
  fastify.post('/body/paused', async (request) => {
    await new Promise((resolve) => setImmediate(resolve));
    request.raw.pause();
    let text = '';
    request.raw.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.raw.resume();
    await once(request.raw, 'end');
    return { text };
  });
  fastify.post('/body/readable', async (request) => {
    const parts: string[] = [];
    request.raw.on('readable', () => {
      for (let part = request.raw.read() as Buffer | null; part; part = request.raw.read() as Buffer | null)
        parts.push(part.toString());
    });
    await once(request.raw, 'end');
    return { text: parts.join('') };
  });
  fastify.post('/body/ignored', async () => ({ ignored: true }));
  fastify.post('/body/late', {
    preParsing: async () => new Promise<void>((resolve) => setImmediate(resolve)),
    handler: async (request) => ({ body: request.body }),
  });
  fastify.post('/body/schema', {
    schema: { body: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } },
    handler: async (request) => request.body,
  });
}

function faultyRoutes(fastify: FastifyInstance): void {
  fastify.get('/throw', () => {
    throw new Error('thrown');
  });
  fastify.get('/reject', async () => {
    throw Object.assign(new Error('rejected'), { statusCode: 409, code: 'E_TEAPOT' });
  });
  fastify.get('/crlf', (_request, reply) => {
    void reply.header('x-injected', 'a\r\nx-evil: 1').send('never');
  });
  fastify.get('/crlf-name', (_request, reply) => {
    void reply.header('x-a\r\nx-evil', '1').send('never');
  });
  fastify.get('/crlf-raw', (_request, reply) => {
    const codes: unknown[] = [];
    for (const [name, value] of [
      ['x-a', 'b\nc'],
      ['x-a', 'b\0c'],
      ['x a', 'b'],
      ['', 'b'],
      ['x-a', 'snow ☃'],
    ] as const) {
      try {
        reply.raw.setHeader(name, value);
        codes.push('accepted');
      } catch (cause) {
        codes.push((cause as { code?: unknown }).code);
      }
    }
    try {
      reply.raw.writeHead(200, 'a\r\nx-evil: 1');
    } catch (cause) {
      codes.push((cause as { code?: unknown }).code);
    }
    reply.raw.statusMessage = '';
    void reply.send(codes);
  });
  fastify.get('/too-late', (_request, reply) => {
    reply.hijack();
    reply.raw.write('sent ');
    try {
      reply.raw.setHeader('x-late', '1');
      reply.raw.end('accepted');
    } catch (cause) {
      reply.raw.end(String((cause as { code?: unknown }).code));
    }
  });
  fastify.get('/bad-chunk', (_request, reply) => {
    reply.hijack();
    try {
      reply.raw.write({ not: 'bytes' });
      reply.raw.end('accepted');
    } catch (cause) {
      reply.raw.end(String((cause as { code?: unknown }).code));
    }
  });
}
