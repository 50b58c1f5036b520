import { Readable, Writable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { pipeline } from 'node:stream/promises';
import t from 'tap';
import { type FastifyReply } from 'fastify';
import { until } from '../../support/until.js';
import { request } from './corpus.js';
import { RawClient } from './raw-client.js';
import { startBridge } from './servers.js';
import { Signal } from './signal.js';

const TOTAL_BYTES = 50 * 1024 * 1024;
/** What the kernel's buffers of both ends take, with room to spare: Linux lets them grow to about 4 + 6 MB. */
const KERNEL_BYTES = 16 * 1024 * 1024;

interface Source {
  readonly name: string;
  readonly chunkBytes: number;
  readonly sized: boolean;
  readonly web?: boolean;
}

const SOURCES: readonly Source[] = [
  { name: 'in chunks of 64 KB', chunkBytes: 65_536, sized: false },
  { name: 'in chunks of 64 KB, of a known length', chunkBytes: 65_536, sized: true },
  { name: 'in chunks of 1 KB', chunkBytes: 1024, sized: false },
  { name: 'in chunks of 1 KB, of a known length', chunkBytes: 1024, sized: true },
  { name: 'in chunks of 2 MB', chunkBytes: 2 * 1024 * 1024, sized: false },
  { name: 'from a web stream', chunkBytes: 65_536, sized: false, web: true },
];

for (const { name, chunkBytes, sized, web } of SOURCES) {
  t.test(`a slow reader of 50 MB ${name} does not make the source run ahead`, async (t) => {
    let produced = 0;
    const replying = new Signal<FastifyReply['raw']>();
    const next = (): Buffer | null => {
      if (produced >= TOTAL_BYTES) return null;
      const chunk = Buffer.alloc(Math.min(chunkBytes, TOTAL_BYTES - produced), produced / chunkBytes);
      produced += chunk.length;
      return chunk;
    };
    const server = await startBridge((fastify) => {
      fastify.get('/stream', (_request, reply) => {
        replying.emit(reply.raw);
        if (sized) void reply.header('content-length', TOTAL_BYTES);
        if (web) {
          return reply.send(
            new ReadableStream({
              pull(controller) {
                const chunk = next();
                if (chunk) controller.enqueue(chunk);
                else controller.close();
              },
            }),
          );
        }
        return reply.send(
          new Readable({
            read() {
              this.push(next());
            },
          }),
        );
      });
    });
    t.teardown(() => server.close());
    const client = await RawClient.open(server.port);
    client.socket.pause();
    client.send(request('GET /stream'));
    const raw = await replying.promise;
    // The one sure sign that nothing moves any more: the same count over many turns of the loop, with the brake on.
    let before = -1;
    await until(
      () => {
        const still = raw.writableNeedDrain && produced === before;
        before = produced;
        return still;
      },
      { what: 'the stream to stand still', intervalMs: 50 },
    );
    t.ok(produced < KERNEL_BYTES + 2 * chunkBytes, `${(produced / 1e6).toFixed(1)} MB of 52 were asked for`);
    t.ok(raw.writableLength <= 2 * chunkBytes + 65_536, `${raw.writableLength} bytes wait in the response`);

    let received = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (bytes) => (received += bytes.length));
    client.socket.resume();
    await until(() => received >= TOTAL_BYTES && server.bridge.inFlight === 0, {
      what: 'the rest of the stream',
    });
    t.equal(produced, TOTAL_BYTES);
    client.close();
  });
}

t.test('one answer of 50 MB is complete, in order, however slowly it is read', async (t) => {
  const body = Buffer.alloc(TOTAL_BYTES);
  for (let at = 0; at < TOTAL_BYTES; at += 4) body.writeUInt32LE(at, at);
  const server = await startBridge((fastify) => {
    fastify.get('/whole', async () => body);
    fastify.get('/written', (_request, reply) => {
      reply.hijack();
      for (let at = 0; at < TOTAL_BYTES; at += 1_000_003) reply.raw.write(body.subarray(at, at + 1_000_003));
      reply.raw.end();
    });
  });
  t.teardown(() => server.close());
  for (const path of ['/whole', '/written']) {
    const client = await RawClient.open(server.port);
    client.send(request(`GET ${path}`));
    const parts: Buffer[] = [];
    let received = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (bytes) => {
      parts.push(bytes);
      received += bytes.length;
      client.socket.pause();
      setImmediate(() => client.socket.resume());
    });
    await until(() => received >= TOTAL_BYTES && server.bridge.inFlight === 0, {
      what: path,
      timeoutMs: 60_000,
    });
    const all = Buffer.concat(parts);
    const start = all.indexOf('\r\n\r\n') + 4;
    if (path === '/whole') t.ok(all.subarray(start).equals(body), 'the same bytes');
    else t.ok(unchunked(all.subarray(start)).equals(body), 'the same bytes');
    client.close();
  }
});

t.test('drain comes after a false, and the callbacks of writes in their order', async (t) => {
  const order: string[] = [];
  const done = new Signal<undefined>();
  const server = await startBridge((fastify) => {
    fastify.get('/raw', (_request, reply) => {
      reply.hijack();
      let at = 0;
      const fill = (): void => {
        while (at < 200) {
          at += 1;
          const mine = at;
          if (!reply.raw.write(Buffer.alloc(100_000), () => order.push(String(mine)))) {
            reply.raw.once('drain', fill);
            return;
          }
        }
        reply.raw.end(() => done.emit(undefined));
      };
      fill();
    });
  });
  t.teardown(() => server.close());
  const client = await RawClient.open(server.port);
  client.send(request('GET /raw'));
  await done.promise;
  t.same(
    order,
    Array.from({ length: 200 }, (_, at) => String(at + 1)),
  );
  client.close();
});

t.test('an upload of 50 MB to a slow consumer waits at the client', async (t) => {
  let consumed = 0;
  const first = new Signal<() => void>();
  const server = await startBridge(
    (fastify) => {
      fastify.addContentTypeParser('application/x-stream', (_request, _payload, done) => done(null));
      fastify.post('/upload', async (request) => {
        const sink = new Writable({
          write(chunk: Buffer, _encoding, done) {
            consumed += chunk.length;
            if (consumed === chunk.length) first.emit(done);
            else done();
          },
        });
        await pipeline(request.raw, sink);
        return { consumed };
      });
    },
    { maxBodyBytes: TOTAL_BYTES },
  );
  t.teardown(() => server.close());
  const client = await RawClient.open(server.port);
  client.send(
    request('POST /upload', ['Content-Type: application/x-stream', `Content-Length: ${TOTAL_BYTES}`]),
  );
  let sent = 0;
  const chunk = Buffer.alloc(65_536);
  const pump = (): void => {
    while (sent < TOTAL_BYTES) {
      sent += chunk.length;
      if (!client.socket.write(chunk)) {
        client.socket.once('drain', pump);
        return;
      }
    }
  };
  pump();
  const go = await first.promise;
  let before = -1;
  await until(
    () => {
      const still = sent === before;
      before = sent;
      return still;
    },
    { what: 'the upload to stand still', intervalMs: 50 },
  );
  t.ok(sent < KERNEL_BYTES, `${(sent / 1e6).toFixed(1)} MB of 52 could be sent`);
  go();
  const answer = await client.answer('POST');
  t.same(JSON.parse(answer?.body.toString() ?? ''), { consumed: TOTAL_BYTES });
  client.close();
});

function unchunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const line = bytes.indexOf('\r\n', at);
    const size = parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
