import { mock } from 'node:test';
import t from 'tap';
import { connect, ForbiddenError, UnauthorizedError, type ParlorError } from '../../../api/client/index.js';
import { settle, stage } from './fake-socket.js';

t.afterEach(() => mock.timers.reset());

t.test(
  'the status is told as it is: connecting, connected, reconnecting, and lost when it takes long',
  async (t) => {
    const { connection, socket, sockets, told, pass } = stage();
    socket().accept();
    await pass(1_000);
    socket().drop();
    t.equal(connection.status, 'reconnecting');
    t.match(connection.error, { name: 'NetworkError', retry: true });
    await pass(9_900);
    t.equal(connection.status, 'reconnecting');
    await pass(200);
    t.equal(connection.status, 'lost');
    t.ok(sockets.length > 1, 'and it is tried again and again');
    await pass(30_000);
    socket().accept();
    t.equal(connection.status, 'connected');
    t.equal(connection.error, null);
    connection.close();
    t.same(told, ['connecting', 'connected', 'reconnecting', 'lost', 'connected', 'closed']);
  },
);

t.test(
  'the address is one of WebSockets, under the path of the server, with the name and never the token',
  async (t) => {
    const { socket, connection } = stage({ user: 'Ann Lee', token: 'a.b.c' });
    t.equal(socket().url, 'ws://parlor.example/chat/ws?user=Ann+Lee');
    t.same(socket().protocols, ['parlor.v1', 'parlor.token.a.b.c']);
    connection.close();
  },
);

t.test('a guest comes back as the same guest', async (t) => {
  const { connection, socket, pass } = stage({ user: undefined as unknown as string });
  socket().accept({ user: 'guest-1', resume: 'secret' });
  t.equal(connection.user, 'guest-1');
  t.equal(connection.resume, 'secret');
  socket().drop();
  await pass(1_000);
  t.match(socket().url, /\?resume=secret$/);
  connection.close();
});

t.test('a silent link is known to be dead within 35 s', async (t) => {
  const { connection, socket, pass } = stage();
  const first = socket();
  first.accept();
  await pass(24_000);
  t.equal(first.of('ping').length, 0);
  await pass(2_000);
  t.equal(first.of('ping').length, 1);
  t.equal(connection.status, 'connected');
  await pass(8_000);
  t.equal(connection.status, 'reconnecting');
  t.ok(first.isClosed);
  connection.close();
});

t.test('a link that answers pings lives on, and one that talks is not asked', async (t) => {
  const { connection, socket, pass } = stage();
  socket().accept();
  for (let minute = 0; minute < 5; minute++) {
    await pass(26_000);
    t.equal(socket().of('ping').length, minute + 1);
    socket().say({ type: 'pong' });
  }
  for (let second = 0; second < 60; second += 10) {
    await pass(10_000);
    socket().say({ type: 'pong' });
  }
  t.equal(socket().of('ping').length, 5);
  t.equal(connection.status, 'connected');
  connection.close();
});

t.test('after a sleep a dead link is known within 5 s, also if nothing tells of the sleep', async (t) => {
  const { connection, socket, pass } = stage();
  socket().accept();
  await pass(2_000);
  // Timers do not run while a machine sleeps, but its clock does.
  mock.timers.setTime(Date.now());
  const real = Date.now;
  Date.now = () => real() + 3_600_000;
  t.teardown(() => (Date.now = real));
  await pass(1_000);
  t.equal(socket().of('ping').length, 1);
  await pass(3_100);
  t.equal(connection.status, 'reconnecting');
  connection.close();
});

for (const name of ['online', 'pageshow', 'visibilitychange'])
  t.test(`${name} has the link looked at, and hurries a pause`, async (t) => {
    const page = globalThis as unknown as Record<string, unknown>;
    const listeners = new Map<string, () => void>();
    page['addEventListener'] = (event: string, listener: () => void) => listeners.set(event, listener);
    page['removeEventListener'] = (event: string) => listeners.delete(event);
    t.teardown(() => {
      delete page['addEventListener'];
      delete page['removeEventListener'];
    });
    const { connection, socket, sockets, pass } = stage({ minBackoffMs: 60_000, maxBackoffMs: 60_000 });
    socket().accept();
    listeners.get(name)?.();
    t.equal(socket().of('ping').length, 1);
    await pass(3_100);
    t.equal(connection.status, 'reconnecting', 'within 5 s');
    t.equal(sockets.length, 1);
    listeners.get(name)?.();
    t.equal(sockets.length, 2);
    connection.close();
    t.equal(listeners.size, 0, 'nothing is left behind');
  });

t.test('a pause that the server asked for is kept', async (t) => {
  const { connection, socket, sockets, pass } = stage({ minBackoffMs: 1 });
  socket().accept();
  socket().say({
    type: 'error',
    code: 'unavailable',
    message: 'restarts',
    retry: true,
    retry_after_ms: 7_000,
  });
  socket().drop(1012, 'unavailable');
  t.match(connection.error, { name: 'UnavailableError', retryAfterMs: 7_000 });
  await pass(6_900);
  t.equal(sockets.length, 1);
  await pass(300);
  t.equal(sockets.length, 2);
  connection.close();
});

t.test('what can never work is not tried again', async (t) => {
  const { connection, socket, sockets, pass } = stage();
  socket().accept();
  socket().say({ type: 'error', code: 'forbidden', message: 'not this page', retry: false });
  socket().drop(4403, 'forbidden');
  t.equal(connection.status, 'closed');
  t.ok(connection.error instanceof ForbiddenError);
  await pass(60_000);
  t.equal(sockets.length, 1);
  connection.open();
  t.equal(sockets.length, 2, 'unless one asks for it');
  connection.close();
});

t.test('close codes alone tell it, too', async (t) => {
  for (const [code, status] of [
    [4400, 'closed'],
    [4401, 'closed'],
    [4403, 'closed'],
    [4413, 'closed'],
    [4429, 'reconnecting'],
    [4503, 'reconnecting'],
    [4508, 'reconnecting'],
    [1000, 'reconnecting'],
    [1002, 'reconnecting'],
    [1012, 'reconnecting'],
  ] as const) {
    const { connection, socket } = stage();
    socket().accept();
    socket().drop(code);
    t.equal(connection.status, status, String(code));
    connection.close();
    mock.timers.reset();
  }
});

t.test('an error that was told before a cut is not its reason', async (t) => {
  const { connection, socket } = stage();
  socket().accept();
  socket().say({ type: 'error', code: 'bad_request', message: 'what?', retry: false });
  socket().drop();
  t.equal(connection.status, 'reconnecting');
  connection.close();
});

t.test('pauses grow while connecting fails, and start anew after a connection that lasted', async (t) => {
  const random = Math.random;
  Math.random = () => 0.999;
  t.teardown(() => (Math.random = random));
  const { connection, socket, sockets, pass } = stage();
  for (const [ms, count] of [
    [250, 2],
    [500, 3],
    [1_000, 4],
    [2_000, 5],
  ] as const) {
    socket().drop();
    await pass(ms - 100);
    t.equal(sockets.length, count - 1);
    await pass(200);
    t.equal(sockets.length, count);
  }
  socket().accept();
  await pass(6_000);
  socket().drop();
  await pass(300);
  t.equal(sockets.length, 6);
  connection.close();
});

t.test('an attempt that hangs is given up', async (t) => {
  const { connection, sockets, pass } = stage();
  await pass(10_500);
  t.equal(sockets.length, 2);
  t.ok(sockets[0]?.isClosed);
  connection.close();
});

t.test('getToken is asked for each connection, and when a token is refused', async (t) => {
  let made = 0;
  const { connection, socket, sockets, pass } = stage({ getToken: () => `t.${++made}` });
  await settle();
  t.same(socket().protocols, ['parlor.v1', 'parlor.token.t.1']);
  socket().accept();
  socket().say({ type: 'error', code: 'unauthorized', message: 'expired', retry: false });
  socket().drop(4401, 'unauthorized');
  await pass(1_000);
  t.same(socket().protocols, ['parlor.v1', 'parlor.token.t.2']);
  socket().drop(4401, 'unauthorized');
  await pass(2_000);
  t.equal(sockets.length, 3);
  socket().drop(4401, 'unauthorized');
  t.equal(connection.status, 'closed', 'the third in a row is no better');
  t.ok(connection.error instanceof UnauthorizedError);
});

t.test('while getToken rejects, connecting goes on being tried; a final error ends it', async (t) => {
  const errors: unknown[] = [
    new Error('offline'),
    new Error('offline'),
    new UnauthorizedError('unauthorized', 'log in again', false),
  ];
  const { connection, sockets, pass } = stage({ getToken: () => Promise.reject(errors.shift() as Error) });
  await pass(100);
  t.equal(connection.status, 'connecting');
  await pass(5_000);
  t.equal(connection.status, 'closed');
  t.match(connection.error, { message: 'log in again' });
  t.equal(sockets.length, 0);
});

t.test('a token is renewed in time, over the same socket', async (t) => {
  const token = (s: number): string =>
    `x.${Buffer.from(JSON.stringify({ exp: 1_800_000_000 + s })).toString('base64url')}.y`;
  const all = [token(100), token(200), token(10_000)];
  const { connection, socket, sockets, pass } = stage({ getToken: () => all.shift() ?? '' });
  const [, second, third] = all;
  await settle();
  socket().accept();
  await pass(24_000);
  socket().say({ type: 'pong' });
  await pass(25_000);
  socket().say({ type: 'pong' });
  t.same(socket().of('refresh'), []);
  await pass(2_000);
  t.same(socket().of('refresh'), [{ type: 'refresh', token: second }]);
  for (let s = 0; s < 90; s += 10) {
    await pass(10_000);
    socket().say({ type: 'pong' });
  }
  t.same(socket().of('refresh').at(-1), { type: 'refresh', token: third });
  t.equal(sockets.length, 1);
  connection.close();
});

t.test('close leaves no timer behind, and open connects again', async (t) => {
  const { connection, socket, sockets, pass, told } = stage();
  socket().accept();
  const room = connection.room('a');
  room.join();
  const post = room.post('hello');
  connection.close();
  await t.rejects(post, { name: 'ClosedError' });
  t.match(room.outgoing, [{ text: 'hello', state: 'sending' }], 'it stays in the outbox');
  t.ok(socket().isClosed);
  connection.close();
  await pass(120_000);
  t.equal(sockets.length, 1);
  connection.open();
  connection.open();
  t.equal(sockets.length, 2);
  socket().accept();
  socket().welcome('a');
  t.match(socket().of('post'), [{ room: 'a', text: 'hello' }]);
  connection.close();
  t.same(told, ['connecting', 'connected', 'closed', 'connecting', 'connected', 'closed']);
});

t.test('WebSockets that never open give way to Server-Sent Events within 2 s', async (t) => {
  const asked: string[] = [];
  const { connection, sockets, pass } = stage({
    transports: ['websocket', 'sse'],
    fetch: (url) => {
      asked.push(url as string);
      return Promise.resolve(new Response('ok'));
    },
  });
  await pass(1_600);
  t.equal(connection.transport, 'sse');
  t.equal(connection.status, 'connected');
  t.ok(sockets[0]?.isClosed);
  t.same(asked, ['http://parlor.example/chat/health']);
  connection.close();
});

t.test('a proxy that refuses WebSockets is noticed at once', async (t) => {
  const { connection, socket } = stage({
    transports: ['websocket', 'sse'],
    fetch: () => Promise.resolve(new Response('ok')),
  });
  socket().drop();
  await settle();
  t.equal(connection.transport, 'sse');
  connection.close();
});

t.test('where WebSockets have opened once, they are stayed with', async (t) => {
  const { connection, socket, sockets, pass } = stage({ transports: ['websocket', 'sse'] });
  socket().accept();
  socket().drop();
  await pass(500);
  socket().drop();
  await pass(1_500);
  t.ok(sockets.length >= 3);
  t.equal(connection.transport, null);
  connection.close();
});

t.test('a token that no header can carry is an error, not a crash', async (t) => {
  function Refusing(): never {
    throw new SyntaxError('the protocols are invalid');
  }
  const { connection } = stage({ WebSocket: Refusing as never, token: 'two words' });
  t.equal(connection.status, 'closed');
  t.match(connection.error as ParlorError, { code: 'bad_request', retry: false });
});

t.test('an address that is none is told at once', async (t) => {
  t.throws(() => connect('not an address'), TypeError);
});
