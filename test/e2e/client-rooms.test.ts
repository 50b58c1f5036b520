import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import { connect, type ConnectOptions, type Connection, type Room } from '../../api/client/index.js';
import { startParlor, type Env, type Parlor } from '../support/parlor.js';
import { freePorts } from '../support/ports.js';
import { JWT_ENV, inSeconds, token } from '../support/tokens.js';
import { until } from '../support/until.js';

t.setTimeout(280_000);

async function start(t: Test, env: Env = {}): Promise<Parlor> {
  const parlor = await startParlor(env);
  t.teardown(() => parlor.end());
  return parlor;
}

function enter(t: Test, { http }: { readonly http: string }, options: ConnectOptions): Connection {
  const connection = connect(http, { WebSocket, minBackoffMs: 20, ...options });
  t.teardown(() => connection.close());
  return connection;
}

const is = (room: Room, status: Room['status']): Promise<unknown> =>
  until(() => room.status === status, {
    what: () => `${room.id} to be ${status}: it is ${room.status} ${room.error?.message ?? ''}`,
  });

for (const via of ['websocket', 'sse'] as const) {
  const transports = [via];

  t.test(`${via}: a guest is one guest in all rooms, and the same after a reload`, async (t) => {
    const parlor = await start(t);
    const guest = enter(t, parlor, { transports });
    const rooms = ['a', 'b', 'c'].map((id) => guest.room(id));
    for (const room of rooms) room.join();
    await Promise.all(rooms.map((room) => is(room, 'joined')));
    const { user, resume } = guest;
    t.match(user, /^guest-/);
    t.same(
      rooms.map(({ members }) => members),
      [[user], [user], [user]],
    );
    await rooms[0]?.post('hello');
    t.match((await rooms[0]?.history())?.messages, [{ user, text: 'hello' }]);
    guest.close();
    const again = enter(t, parlor, { transports, resume: resume ?? '' });
    const room = again.room('a');
    room.join();
    await is(room, 'joined');
    t.equal(again.user, user);
  });

  t.test(`${via}: a full room ends nobody, and lets in when a seat is free`, async (t) => {
    const parlor = await start(t, {
      ROOM_PRESETS: '{"":{"capacity":1,"grace_ms":0}}',
    });
    const alice = enter(t, parlor, { user: 'alice', transports });
    const bob = enter(t, parlor, { user: 'bob', transports });
    const leave = alice.room('full').join();
    await is(alice.room('full'), 'joined');
    const [full, other] = [bob.room('full'), bob.room('other')];
    full.join();
    other.join();
    await is(other, 'joined');
    await is(full, 'refused');
    t.match(full.error, { name: 'RoomFullError', retry: true });
    t.equal(bob.status, 'connected');
    leave();
    await is(full, 'joined');
  });

  t.test(`${via}: a closed room is told, and can be joined when it is open again`, async (t) => {
    const parlor = await start(t);
    const alice = enter(t, parlor, { user: 'alice', transports });
    const room = alice.room('closing');
    const facts: string[] = [];
    room.on('fact', ({ type }) => facts.push(type));
    const leave = room.join();
    await is(room, 'joined');
    await parlor.send('DELETE', '/api/rooms/closing');
    await is(room, 'refused');
    t.match(room.error, { name: 'RoomClosedError', retry: false });
    t.same(facts, ['room_closed']);
    await t.rejects(room.post('too late'), { name: 'RoomClosedError' });
    t.match(room.outgoing, [{ state: 'failed', text: 'too late' }]);
    await parlor.send('PUT', '/api/rooms/closing');
    leave();
    await is(room, 'idle');
    room.join();
    await is(room, 'joined');
    await room.retry(room.outgoing[0]?.id ?? '');
    t.equal(alice.status, 'connected');
  });

  t.test(`${via}: rooms that a token does not allow are refused one by one`, async (t) => {
    const parlor = await start(t, JWT_ENV);
    const rights = [{ room: 'mine', may: ['join', 'post', 'read'] }];
    const alice = enter(t, parlor, { transports, token: await token({ sub: 'alice', rooms: rights }) });
    const [mine, theirs] = [alice.room('mine'), alice.room('theirs')];
    mine.join();
    theirs.join();
    await Promise.all([is(mine, 'joined'), is(theirs, 'refused')]);
    t.match(theirs.error, { name: 'ForbiddenError', retry: false });
    t.equal(alice.user, 'alice');
    await mine.post('hello');
    await t.rejects(theirs.post('hello'), { name: 'ForbiddenError' });
  });

  t.test(`${via}: a token that has expired, with nobody to ask for another, closes for good`, async (t) => {
    const parlor = await start(t, JWT_ENV);
    const rights = [{ room: '*', may: ['join', 'post', 'read'] }];
    const made = await token({ sub: 'alice', rooms: rights, exp: inSeconds(2) });
    const alice = enter(t, parlor, { transports, token: made });
    alice.room('a').join();
    await is(alice.room('a'), 'joined');
    await until(() => alice.status === 'closed', { what: 'the end of the token' });
    t.match(alice.error, { name: 'UnauthorizedError', retry: false });
  });

  t.test(`${via}: a server that restarts is come back to, also if it has forgotten everything`, async (t) => {
    const [port] = await freePorts(1);
    const env = { PORT: String(port) };
    const first = await startParlor(env);
    const alice = enter(t, first, { user: 'alice', transports, maxBackoffMs: 200 });
    const room = alice.room('a');
    const texts: string[] = [];
    room.on('message', ({ text }) => texts.push(text));
    room.join();
    await is(room, 'joined');
    await room.post('one');
    await room.post('two');
    await until(() => texts.length === 2, { what: 'both messages' });
    await first.end();
    await until(() => alice.status !== 'connected', { what: 'the end to be noticed' });
    const post = room.post('three');
    await start(t, env);
    await post;
    await until(() => texts.length === 3, { what: 'the third message' });
    t.same(texts, ['one', 'two', 'three']);
  });

  t.test(`${via}: close leaves nothing behind`, async (t) => {
    const parlor = await start(t);
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const alice = connect(parlor.http, { user: 'alice', transports, WebSocket });
    const rooms = ['a', 'b'].map((id) => alice.room(id));
    for (const room of rooms) room.join();
    await Promise.all(rooms.map((room) => is(room, 'joined')));
    const post = rooms[0]?.post('hello');
    const failed = post?.then(
      () => 'sent',
      (cause: unknown) => (cause as { code: string }).code,
    );
    alice.close();
    t.match(await failed, /^(sent|closed)$/);
    const open = async (): Promise<boolean> =>
      /^parlor_connections 0$/m.test(await (await parlor.get('/metrics')).text());
    await until(open, { what: 'the server to have no connection' });
    // Not at once: a socket of `ws` has a timer of its own until the server has answered its close.
    t.equal(timers(), before);
  });
}
