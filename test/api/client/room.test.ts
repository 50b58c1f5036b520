import { mock } from 'node:test';
import t from 'tap';
import {
  RoomClosedError,
  RoomFullError,
  type Message,
  type Room,
  type RoomEvents,
} from '../../../api/client/index.js';
import { settle, stage, type FakeSocket } from './fake-socket.js';

t.afterEach(() => mock.timers.reset());

const message = (seq: number, more: object = {}) => ({
  room: 'a',
  type: 'message',
  id: `id ${seq}`,
  room_id: 'a',
  seq,
  user: 'bob',
  text: `text ${seq}`,
  created_at: '2026-01-01T00:00:00.000Z',
  ...more,
});

/** What was told of a room, by event. */
function listen(room: Room) {
  const told: { [K in keyof RoomEvents]: RoomEvents[K][] } = {
    message: [],
    fact: [],
    outgoing: [],
    members: [],
    joined: [],
    left: [],
    typing: [],
    gap: [],
    status: [],
  };
  for (const name of Object.keys(told) as (keyof RoomEvents)[])
    room.on(name, (event: unknown) => void (told[name] as unknown[]).push(event));
  return told;
}

function joined(options = {}) {
  const scene = stage(options);
  scene.socket().accept();
  const room = scene.connection.room('a');
  const told = listen(room);
  const leave = room.join();
  scene.socket().welcome('a', { head_seq: 3 });
  return { ...scene, room, told, leave };
}

/** The same room over the next socket. */
async function again({ socket, pass }: { socket: () => FakeSocket; pass: (ms: number) => Promise<void> }) {
  socket().drop();
  await pass(300);
  socket().accept();
}

t.test('a room is the same object, and has no effect before it is joined', async (t) => {
  const { connection, socket } = stage();
  socket().accept();
  const room = connection.room('a');
  t.equal(connection.room('a'), room);
  t.equal(room.status, 'idle');
  t.same(socket().sent, []);
  const leave = room.join();
  t.equal(room.status, 'joining');
  t.same(socket().sent, [{ type: 'subscribe', room: 'a' }]);
  socket().welcome('a', { members: ['alice', 'bob'], member_count: 2, head_seq: 7 });
  t.equal(room.status, 'joined');
  t.same([room.members, room.memberCount, room.seq], [['alice', 'bob'], 2, 7]);
  t.match(room.policy, { capacity: 2 });
  leave();
  connection.close();
});

t.test('rooms that are joined while there is no connection are subscribed when there is one', async (t) => {
  const { connection, socket } = stage();
  connection.room('a').join();
  connection.room('b').join({ since: 5 });
  connection.on('status', ({ status }) => {
    if (status === 'connected') connection.room('c').join();
  });
  socket().accept();
  t.same(
    socket().sent.map(({ room, since }) => [room, since]),
    [
      ['a', undefined],
      ['b', 5],
      ['c', undefined],
    ],
  );
  connection.close();
});

t.test('a room is left when everybody has left it, and not in between', async (t) => {
  const { connection, room, socket, leave } = joined();
  const second = room.join();
  leave();
  leave();
  await settle();
  t.equal(room.status, 'joined');
  second();
  const third = room.join();
  await settle();
  t.same(socket().of('unsubscribe'), [], 'left and joined in one go, the seat is kept');
  third();
  await settle();
  t.same(socket().of('unsubscribe'), [{ type: 'unsubscribe', room: 'a' }]);
  t.equal(room.status, 'idle');
  connection.close();
});

t.test('frames of an old subscription are not taken for those of the new one', async (t) => {
  const { connection, room, socket, leave, told } = joined();
  leave();
  await settle();
  room.join();
  socket().say(message(4));
  t.equal(socket().of('subscribe').length, 1, 'the server has not unsubscribed us yet');
  socket().say({ room: 'a', type: 'unsubscribed' });
  t.same(socket().of('subscribe').at(-1), { type: 'subscribe', room: 'a', since: 3 });
  socket().welcome('a', { head_seq: 4, recovered: true });
  socket().say(message(4));
  t.same(
    told.message.map(({ seq }) => seq),
    [4],
  );
  connection.close();
});

t.test('the end of a subscription that crosses our unsubscribe is not its answer', async (t) => {
  const { connection, room, socket, leave } = joined();
  leave();
  await settle();
  t.same(socket().of('unsubscribe'), [{ type: 'unsubscribe', room: 'a' }]);
  socket().say({ room: 'a', type: 'unsubscribed', code: 'room_full', message: '', retry: true });
  room.join();
  t.equal(socket().of('subscribe').length, 1, 'it waits for the answer');
  socket().say({ room: 'a', type: 'unsubscribed' });
  t.equal(socket().of('subscribe').length, 2);
  socket().welcome('a', { head_seq: 3 });
  t.equal(room.status, 'joined');
  connection.close();
});

t.test('an unsubscribe that comes too soon for the server is sent again', async (t) => {
  const { connection, room, socket, leave, pass } = joined();
  leave();
  await settle();
  const refusal = { code: 'rate_limited', message: '', retry: true, retry_after_ms: 500 };
  socket().say({ room: 'a', type: 'error', ...refusal });
  t.equal(socket().of('unsubscribe').length, 1);
  await pass(2_000);
  t.equal(socket().of('unsubscribe').length, 2);
  // The refusal was of something else, and both are answered.
  for (let i = 0; i < 2; i++) socket().say({ room: 'a', type: 'unsubscribed' });
  room.join();
  t.equal(socket().of('subscribe').length, 2);
  connection.close();
});

t.test('after a cut each room is caught up from where it was', async (t) => {
  const scene = joined();
  const { connection, room, socket, told } = scene;
  socket().say(message(4));
  await again(scene);
  t.same(socket().sent, [{ type: 'subscribe', room: 'a', since: 4 }]);
  t.equal(room.status, 'joining');
  socket().welcome('a', { head_seq: 6, recovered: true });
  for (const seq of [4, 5, 6, 7]) socket().say(message(seq));
  t.same(
    told.message.map(({ seq, text }) => [seq, text]),
    [4, 5, 6, 7].map((seq) => [seq, `text ${seq}`]),
  );
  t.same(Object.keys(told.message[0] ?? {}), ['id', 'room_id', 'seq', 'user', 'text', 'created_at']);
  connection.close();
});

t.test('what the server does not send is fetched from the log', async (t) => {
  const asked: string[] = [];
  const scene = joined({
    fetch: async (url: string) => {
      asked.push(url);
      const { room: _, type: __, id, created_at: at, ...rest } = message(4);
      const events = [
        { type: 'message_posted', event_id: id, at, ...rest },
        { type: 'policy_changed', event_id: 'x', room_id: 'a', seq: 6, at, policy: { capacity: 9 } },
      ];
      return new Response(JSON.stringify({ events, next: null, cursor: '6' }));
    },
  });
  await again(scene);
  scene.socket().welcome('a', { head_seq: 6, recovered: false });
  scene.socket().say(message(7));
  for (let turn = 0; turn < 5; turn++) await settle();
  t.same(asked, ['http://parlor.example/chat/api/events?limit=200&room_id=a&after=3']);
  t.same(
    scene.told.message.map(({ seq }) => seq),
    [4, 7],
  );
  t.match(scene.told.fact, [{ type: 'policy_changed', seq: 6 }]);
  t.same(scene.told.gap, [{ after: 4, before: 6 }]);
  t.match(scene.room.policy, { capacity: 9 });
  scene.connection.close();
});

t.test('a full room is tried again when the server says, another refusal is final', async (t) => {
  const { connection, socket, pass } = stage({ minBackoffMs: 1 });
  socket().accept();
  const room = connection.room('a');
  const told = listen(room);
  room.join();
  const full = { room: 'a', type: 'unsubscribed', code: 'room_full', message: 'full', retry: true };
  socket().say({ ...full, retry_after_ms: 5_000 });
  t.equal(room.status, 'refused');
  t.ok(room.error instanceof RoomFullError);
  await pass(4_900);
  t.equal(socket().of('subscribe').length, 1);
  await pass(200);
  t.equal(socket().of('subscribe').length, 2);
  socket().welcome('a');
  t.equal(room.error, null);
  socket().say({ room: 'a', type: 'room_closed', seq: 1, at: '2026-01-01T00:00:00.000Z' });
  socket().say({ room: 'a', type: 'unsubscribed', code: 'room_closed', message: 'closed', retry: false });
  t.ok(room.error instanceof RoomClosedError);
  t.match(told.fact, [{ type: 'room_closed', seq: 1 }]);
  await pass(20_000);
  socket().say({ type: 'pong' });
  t.equal(socket().of('subscribe').length, 2);
  t.equal(connection.status, 'connected', 'one room ends nobody');
  t.same(
    told.status.map(({ status }) => status),
    ['joining', 'refused', 'joining', 'joined', 'refused'],
  );
  connection.close();
});

t.test('members come and go, and nobody twice', async (t) => {
  const { connection, socket, room, told } = joined();
  const at = '2026-01-01T00:00:00.000Z';
  const before = room.members;
  socket().say({ room: 'a', type: 'joined', user: 'bob', at });
  socket().say({ room: 'a', type: 'joined', user: 'bob', at });
  t.same(room.members, ['alice', 'bob']);
  t.same(before, ['alice'], 'a list is never changed in place');
  socket().say({ room: 'a', type: 'left', user: 'bob', at });
  socket().say({ room: 'a', type: 'left', user: 'bob', at });
  t.same([room.members, room.memberCount], [['alice'], 1]);
  socket().say({ room: 'a', type: 'members', members: ['x', 'y'], member_count: 2 });
  t.same(room.members, ['x', 'y']);
  t.same(
    told.members.map(({ memberCount }) => memberCount),
    [1, 2, 1, 2],
  );
  connection.close();
});

t.test('typing is told of others, and told to them now and then', async (t) => {
  const { connection, socket, room, told } = joined();
  socket().say({ room: 'a', type: 'typing', user: 'alice' });
  socket().say({ room: 'a', type: 'typing', user: 'bob' });
  t.same(told.typing, [{ user: 'bob' }]);
  for (let key = 0; key < 10; key++) room.typing();
  t.same(socket().of('typing'), [{ type: 'typing', room: 'a' }]);
  connection.room('b').typing();
  t.equal(socket().of('typing').length, 1);
  connection.close();
});

t.test(
  'a post is repeated over the next connection with the same id, after the room has let us in',
  async (t) => {
    const scene = joined();
    const { socket, room, told } = scene;
    const first = room.post('one');
    const second = room.post('two');
    const [sent] = socket().of('post');
    t.match(sent, {
      room: 'a',
      text: 'one',
      id: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    });
    t.equal(socket().of('post').length, 1, 'one at a time, so that they stay in order');
    await again(scene);
    t.same(socket().of('post'), []);
    socket().welcome('a', { head_seq: 4, recovered: true });
    t.same(socket().of('post'), [sent]);
    // It had arrived the first time, and comes as a message.
    socket().say(message(4, { id: sent?.['id'], user: 'alice', text: 'one' }));
    t.same(await first, { id: sent?.['id'], seq: 4 });
    socket().say({ room: 'a', type: 'ack', id: sent?.['id'], seq: 4 });
    const [, next] = socket().of('post');
    t.match(next, { text: 'two' });
    socket().say({ room: 'a', type: 'ack', id: next?.['id'], seq: 5 });
    t.match(await second, { seq: 5 });
    t.match(room.outgoing, [{ text: 'two', state: 'sent', seq: 5 }]);
    socket().say(message(5, { id: next?.['id'] }));
    t.same(room.outgoing, []);
    t.equal(told.message.length, 2);
    scene.connection.close();
  },
);

t.test('a post that is refused fails, or is repeated if that helps', async (t) => {
  const { connection, socket, room, pass } = joined({ minBackoffMs: 1 });
  const post = room.post('hello');
  const id = socket().of('post')[0]?.['id'];
  const error = { room: 'a', type: 'error', id, message: 'slow down' };
  socket().say({ ...error, code: 'rate_limited', retry: true, retry_after_ms: 2_000 });
  await pass(1_900);
  t.equal(socket().of('post').length, 1);
  await pass(200);
  t.same(socket().of('post')[1], socket().of('post')[0]);
  const failure = t.rejects(post, { name: 'ForbiddenError', retry: false });
  socket().say({ ...error, code: 'forbidden', retry: false });
  await failure;
  t.match(room.outgoing, [{ state: 'failed', error: { code: 'forbidden' } }]);
  connection.close();
});

t.test('a post that is never answered is sent again over a link that lives', async (t) => {
  const { connection, socket, room, pass } = joined();
  void room.post('hello').catch(() => undefined);
  await pass(15_100);
  await pass(1_000);
  const [one, two] = socket().of('post');
  t.same(two, one);
  connection.close();
});

t.test('without joining, a post goes over HTTP', async (t) => {
  const asked: unknown[] = [];
  const { connection, socket } = stage({
    fetch: async (url, init) => {
      asked.push([url, init?.method, JSON.parse(init?.body as string)]);
      return new Response(JSON.stringify({ seq: 9 }), { status: 201 });
    },
  });
  socket().accept();
  const room = connection.room('a:b');
  const answer = room.post('hello', { id: 'x' });
  await settle();
  t.same(await answer, { id: 'x', seq: 9 });
  t.same(asked, [
    [
      'http://parlor.example/chat/api/rooms/a%3Ab/messages',
      'POST',
      { id: 'x', text: 'hello', user: 'alice' },
    ],
  ]);
  t.same(room.outgoing, [], 'it will not come back');
  connection.close();
});

t.test('what a listener throws does not unwind the room', async (t) => {
  const reported: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => reported.push(error));
  t.teardown(() => process.setUncaughtExceptionCaptureCallback(null));
  const { connection, socket, room, told } = joined();
  for (const name of ['message', 'status', 'members', 'outgoing'] as const)
    room.on(name, () => {
      throw new Error(name);
    });
  socket().say(message(4));
  void room.post('x').catch(() => undefined);
  socket().drop();
  t.equal(told.message.length, 1);
  t.equal(room.status, 'joining');
  await settle();
  t.equal(reported.length, 3);
  connection.close();
});

t.test('the iterator yields each message, joins for its time, and ends with the connection', async (t) => {
  const { connection, socket } = stage();
  socket().accept();
  const room = connection.room('a');
  const seen: Message[] = [];
  const reading = (async () => {
    for await (const one of room) {
      seen.push(one);
      if (one.seq === 2) break;
    }
  })();
  t.equal(room.status, 'joining');
  socket().welcome('a');
  socket().say(message(1));
  await settle();
  socket().say(message(2));
  socket().say(message(3));
  await reading;
  await settle();
  t.same(
    seen.map(({ seq }) => seq),
    [1, 2],
  );
  t.equal(room.status, 'idle');
  socket().say({ room: 'a', type: 'unsubscribed' });
  const more = room[Symbol.asyncIterator]();
  const pending = Promise.all([more.next(), more.next()]);
  connection.close();
  t.same(await pending, [
    { done: true, value: undefined },
    { done: true, value: undefined },
  ]);
});

t.test('the iterator throws when the room is over for good', async (t) => {
  const { connection, socket } = stage();
  socket().accept();
  const iterator = connection.room('a')[Symbol.asyncIterator]();
  const next = iterator.next();
  socket().say({ room: 'a', type: 'unsubscribed', code: 'forbidden', message: 'not you', retry: false });
  await t.rejects(next, { name: 'ForbiddenError' });
  connection.close();
});

t.test('posts that an earlier page has left are sent, before new ones', async (t) => {
  const log: string[] = [];
  const left = { id: 'old', room_id: 'a', text: 'from before', created_at: '2026-01-01T00:00:00.000Z' };
  const { connection, socket } = stage({
    outbox: {
      load: async () => [left],
      put: async ({ text }) => void log.push(`put ${text}`),
      delete: async (id) => void log.push(`delete ${id}`),
    },
  });
  const room = connection.room('a');
  room.join();
  socket().accept();
  await settle();
  t.match(room.outgoing, [left]);
  const post = room.post('new', { id: 'new' });
  socket().welcome('a');
  t.match(socket().of('post'), [{ id: 'old' }]);
  socket().say({ room: 'a', type: 'ack', id: 'old', seq: 1 });
  t.match(socket().of('post'), [{ id: 'old' }, { id: 'new' }]);
  socket().say({ room: 'a', type: 'ack', id: 'new', seq: 2 });
  await post;
  t.same(log, ['put new', 'delete old', 'delete new']);
  connection.close();
});
