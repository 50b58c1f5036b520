import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { createAnswerReader, type HttpAnswer } from '../../bench/load/http-answers.js';
import { runHttpPosts, type HttpRun } from '../../bench/load/http.js';

const BASE = {
  connections: 4,
  load: { type: 'closed', inFlight: 1 },
  seconds: 0.6,
  warmUpMs: 100,
  rooms: 3,
  textBytes: 50,
} as const satisfies Omit<HttpRun, 'port'>;

type Answer = (response: ServerResponse, count: number, request: IncomingMessage) => void;

async function serve(t: Test, answer: Answer): Promise<{ port: number; requests: [string, string][] }> {
  const requests: [string, string][] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      requests.push([`${request.method ?? ''} ${request.url ?? ''}`, body]);
      answer(response, requests.length, request);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, requests };
}

function created(response: ServerResponse): void {
  response.writeHead(201, { 'content-length': 2 }).end('{}');
}

t.test('every post is counted, and is what it should be, to the rooms in turn', async (t) => {
  const { port, requests } = await serve(t, created);
  const edges: string[] = [];
  const result = await runHttpPosts({
    ...BASE,
    port,
    begun: () => void edges.push(`begun ${requests.length > 0}`),
    ended: () => void edges.push('ended'),
  });
  t.strictSame(edges, ['begun true', 'ended'], 'the edges were told, after the warm-up');
  t.strictSame(Object.keys(result.byStatus), ['201']);
  const answers = result.byStatus['201'] ?? 0;
  t.ok(answers > 0 && answers <= requests.length, 'no more answers than requests');
  t.ok(Math.abs(result.posts - answers) <= BASE.connections, 'what was sent in the window was answered');
  t.equal(result.latency.count, result.posts, 'each post of the window has a latency');
  t.equal(result.goodLatency.count, result.posts);
  t.match(result, { lost: 0, unsent: 0, retryAfter: 0 });
  t.ok(result.cpuSeconds > 0 && result.seconds > 0.99 * BASE.seconds);

  const text = 'x'.repeat(BASE.textBytes);
  t.ok(requests.every(([, body]) => body === JSON.stringify({ user: 'user-7', text })));
  const perRoom = [0, 1, 2].map(
    (room) => requests.filter(([line]) => line === `POST /api/rooms/channel:post-${room}/messages`).length,
  );
  t.equal(
    perRoom.reduce((sum, count) => sum + count),
    requests.length,
    'no other address was asked',
  );
  t.ok(Math.max(...perRoom) - Math.min(...perRoom) <= 1, 'the rooms had their turns');
});

t.test('several processes share connections, and their counts are added up', async (t) => {
  const sockets = new Set<unknown>();
  const { port, requests } = await serve(t, (response, _count, { socket }) => {
    sockets.add(socket);
    created(response);
  });
  const result = await runHttpPosts({ ...BASE, port, connections: 5, processes: 2, warmUpMs: 0 });
  t.equal(sockets.size, 5);
  t.equal(result.latency.count, result.posts);
  t.ok(result.posts > 0 && result.posts <= requests.length);
});

t.test('a known delay is what is measured', async (t) => {
  const DELAY_MS = 100;
  const { port } = await serve(t, (response) => void setTimeout(created, DELAY_MS, response));
  const { latency, goodLatency } = await runHttpPosts({ ...BASE, port });
  // Timers count in whole ms from the loop's own clock, so one may end within its last.
  t.ok(latency.p50 >= DELAY_MS - 1, `p50 is ${latency.p50}`);
  t.ok(latency.p50 <= latency.p99 && latency.p99 <= latency.max);
  t.strictSame(goodLatency, latency);
});

t.test('refusals are counted by status, and those that say when to come again', async (t) => {
  const { port, requests } = await serve(t, (response, count) => {
    if (count % 4 === 0) response.writeHead(503, { 'Retry-After': '1', 'content-length': 0 }).end();
    else if (count % 4 === 1) response.writeHead(503, { 'content-length': 3 }).end('no!');
    else if (count % 4 === 2) response.writeHead(204, { 'retry-after': '1' }).end();
    else created(response);
  });
  const result = await runHttpPosts({ ...BASE, port });
  const { 201: good = 0, 204: empty = 0, 503: refused = 0 } = result.byStatus;
  t.ok(good > 0 && empty > 0 && good + empty + refused <= requests.length);
  // A window may begin and end anywhere in a round of four, on each connection.
  t.ok(Math.abs(refused - 2 * good) <= 16, `${refused} refused, ${good} not`);
  t.ok(Math.abs(result.retryAfter - good) <= 16, 'a header counts with 429 and 503 only');
  t.equal(result.latency.count, result.posts);
  t.ok(
    Math.abs(result.goodLatency.count - good) <= BASE.connections,
    'good ones have a histogram of their own',
  );
});

t.test('a post that is never answered, and one whose connection is cut, are lost', async (t) => {
  const { port, requests } = await serve(t, (response, count, { socket }) => {
    if (count === 10) return;
    if (count === 20) socket.destroy();
    else created(response);
  });
  const result = await runHttpPosts({ ...BASE, port, quietMs: 200 });
  t.equal(result.lost, 2);
  t.ok(requests.length > 20, 'the other connections, and the cut one opened again, went on');
});

t.test('an open loop posts at its rate, and measures from the planned time', async (t) => {
  const DELAY_MS = 50;
  const { port } = await serve(t, (response) => void setTimeout(created, DELAY_MS, response));
  const open = (perSecond: number, connections: number) =>
    runHttpPosts({ ...BASE, port, connections, seconds: 1, load: { type: 'open', perSecond } });

  const easy = await open(40, 8);
  const rate = easy.posts / easy.seconds;
  t.ok(Math.abs(rate - 40) <= 4, `${rate} posts a second`);
  t.equal(easy.unsent, 0);
  t.ok(easy.latency.p50 >= DELAY_MS - 1);

  // One connection answers 20 a second at most: of 100 a second, four of five wait, longer and longer.
  const hard = await open(100, 1);
  t.ok((hard.byStatus['201'] ?? 0) <= 21, 'a connection has one post under way');
  t.ok(hard.unsent >= 60, `${hard.unsent} never left`);
  t.ok(hard.latency.p99 >= 500, `who waits is measured waiting: p99 is ${hard.latency.p99}`);
  t.equal(hard.latency.count - hard.goodLatency.count, hard.unsent);
  t.equal(hard.lost, 0, 'what never left is not lost');
});

t.test('a server that is not there, and answers that are none, fail the run', async (t) => {
  const { port } = await serve(
    t,
    (response) => void response.write('chunked, which would be counted wrongly'),
  );
  await t.rejects(runHttpPosts({ ...BASE, port }), /a load generator ended with 1/);
  await t.rejects(runHttpPosts({ ...BASE, port: 1 }), /a load generator ended with 1/);
  await t.rejects(
    runHttpPosts({ ...BASE, port, load: { type: 'closed', inFlight: 2 } }),
    /one post in flight/,
  );
});

t.test('answers are read whatever pieces they arrive in', async (t) => {
  const stream =
    'HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello' +
    'HTTP/1.1 503 Service Unavailable\r\nretry-after:1\r\ncontent-length: 4\r\n\r\n\r\n\r\n' +
    'HTTP/1.1 204 No Content\r\n\r\n' +
    'HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nRetry-After: 2\r\n\r\n';
  const expected = [
    { status: 201, retryAfter: false },
    { status: 503, retryAfter: true },
    { status: 204, retryAfter: false },
    { status: 429, retryAfter: true },
  ];
  const bytes = Buffer.from(stream);
  for (let size = 1; size <= bytes.length; size++) {
    const answers: HttpAnswer[] = [];
    const read = createAnswerReader((answer) => answers.push(answer));
    const shared = Buffer.alloc(size);
    for (let at = 0; at < bytes.length; at += size) read(shared, bytes.copy(shared, 0, at, at + size));
    t.strictSame(answers, expected, `pieces of ${size}`);
  }
  t.throws(
    () => createAnswerReader(() => undefined)(Buffer.from('SSH-2.0\r\n\r\n'), 11),
    /not the beginning/,
  );
});
