import t from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { ALL_RIGHTS, inSeconds, JWT_ENV, token } from '../support/tokens.js';
import { until } from '../support/until.js';
import { oneTo } from './support/chat.js';
import { untilMetric } from './support/metrics.js';
import { joinRooms, openRooms, type RoomsClient } from './support/rooms.js';

t.setTimeout(180_000);

const SEATS = 'parlor_seats';

async function start(more: Readonly<Record<string, string>> = {}): Promise<Parlor> {
  const parlor = await startParlor({ GRACE_MS: '0', ...more });
  t.teardown(() => parlor.end());
  return parlor;
}

function seqs(client: RoomsClient, room: string): unknown[] {
  return client.in(room, 'message').map(({ seq }) => seq);
}

t.test('one socket, several rooms: what ends in one of them is felt in none of the others', async (t) => {
  const parlor = await start();
  const alice = await joinRooms(parlor, 'user=alice');
  t.match(alice.frames, [{ type: 'hello', user: 'alice', rooms_limit: 500 }]);
  for (const room of ['channel:talk', 'channel:kicks', 'channel:closes', 'channel:purged'])
    alice.subscribe(room);
  for (const room of ['channel:talk', 'channel:kicks', 'channel:closes', 'channel:purged'])
    await alice.heard(room, 'welcome');
  await parlor.join('full', 'user=bob');
  await parlor.join('full', 'user=carol');
  alice.subscribe('full');
  t.match(await alice.heard('full', 'unsubscribed'), [{ code: 'room_full', retry: true }]);
  await parlor.send('DELETE', '/api/rooms/channel:kicks/members/alice');
  t.match(await alice.heard('channel:kicks', 'unsubscribed'), [{ code: 'forbidden', retry: false }]);
  await parlor.send('DELETE', '/api/rooms/channel:closes');
  t.match(await alice.heard('channel:closes', 'unsubscribed'), [{ code: 'room_closed', retry: false }]);
  await parlor.send('DELETE', '/api/rooms/channel:purged?purge=true');
  t.match(await alice.heard('channel:purged', 'unsubscribed'), [{ code: 'room_closed', retry: false }]);
  alice.subscribe('channel:purged', 0);
  await alice.heard('channel:purged', 'unsubscribed', 2);
  const id = '0193d2f0-7d3c-7a70-9d44-111111111111';
  alice.send({ type: 'post', room: 'channel:talk', text: 'Hello', id });
  t.match(await alice.heard('channel:talk', 'ack'), [{ id, seq: 1 }]);
  t.match(await alice.heard('channel:talk', 'message'), [{ user: 'alice', text: 'Hello' }]);
  alice.send({ type: 'post', room: 'full', text: 'Hello', id });
  t.match(await alice.heard('full', 'error'), [{ code: 'not_joined', id, retry: true }]);
  await alice.close();
  await until(() => parlor.logs.find(({ msg, user }) => msg === 'connection' && user === 'alice'), {
    what: 'the line in the log',
  });
  const line = parlor.logs.find(({ msg, user }) => msg === 'connection' && user === 'alice');
  t.match(line, { user: 'alice', rooms: 1, code: 1005 });
});

t.test('where a WebSocket for many rooms is', async (t) => {
  const parlor = await start();
  const guest = await joinRooms(parlor, '');
  const [hello] = guest.of('hello');
  t.match(hello, { user: /^guest-/, resume: /^.{22}$/ });
  await guest.close();
  const again = await joinRooms(parlor, `resume=${String(hello?.['resume'])}`);
  t.equal(again.of('hello')[0]?.['user'], hello?.['user'], 'a guest comes back with its name');
  t.match(await openRooms(parlor, 'user=alice&since=1').closed, { code: 4400 });
  t.equal((await parlor.get('/ws')).status, 426, 'no WebSocket');
  t.equal((await parlor.send('POST', '/ws')).status, 405);
});

t.test('200 rooms after a day: heads first, then what was missed in turns, all of it in order', async (t) => {
  const parlor = await start({ MEMORY_EVENTS: '200000' });
  const rooms = oneTo(200).map((n) => `channel:${n}`);
  const writer = await joinRooms(parlor, 'user=writer');
  for (const room of rooms) writer.subscribe(room);
  await writer.count('welcome', rooms.length);
  for (const n of oneTo(250)) {
    for (const room of rooms) writer.send({ type: 'post', room, text: `${n}` });
    // In time, as more than can be under way are refused.
    await writer.count('ack', (n - 1) * rooms.length);
  }
  await writer.count('ack', 250 * rooms.length);
  await writer.close();
  const phone = await joinRooms(parlor, 'user=phone');
  const begun = performance.now();
  phone.subscribeAll(rooms, 0);
  await phone.count('welcome', rooms.length);
  const heads = performance.now() - begun;
  await phone.count('message', 250 * rooms.length);
  t.comment(`heads after ${Math.round(heads)} ms, all after ${Math.round(performance.now() - begun)} ms`);
  const types = phone.frames.map(({ type }) => type);
  t.ok(types.lastIndexOf('welcome') < types.indexOf('message'), 'heads first');
  const firsts = rooms.map((room) =>
    phone.frames.findIndex((one) => one['room'] === room && one['seq'] === 1),
  );
  const lasts = rooms.map((room) =>
    phone.frames.findIndex((one) => one['room'] === room && one['seq'] === 250),
  );
  t.ok(Math.max(...firsts) < Math.min(...lasts), 'and no room is done before all have begun');
  for (const room of rooms) t.strictSame(seqs(phone, room), oneTo(250));
});

t.test('subscribing and unsubscribing a thousand times leaves no seat behind', async () => {
  const parlor = await start();
  const alice = await joinRooms(parlor, 'user=alice');
  for (const n of oneTo(1_000)) {
    alice.subscribe('channel:churn', n % 2 === 0 ? 0 : undefined);
    if (n % 3 === 0) await alice.heard('channel:churn', 'welcome');
    alice.unsubscribe('channel:churn');
    if (n % 100 === 0) await alice.count('unsubscribed', n);
  }
  await alice.count('unsubscribed', 1_000);
  await untilMetric(parlor, SEATS, 0);
  alice.subscribe('channel:churn');
  await untilMetric(parlor, SEATS, 1);
  alice.send({ type: 'post', room: 'channel:churn', text: 'still here' });
  await alice.heard('channel:churn', 'message');
});

t.test('capacity holds whoever comes in which way', async (t) => {
  const parlor = await start();
  const people = await Promise.all(oneTo(10).map((n) => joinRooms(parlor, `user=user-${n}`)));
  for (const one of people) for (const room of ['1', '2', '3']) one.subscribe(room);
  for (const room of ['1', '2', '3']) {
    await until(
      () =>
        people.filter((one) => one.in(room, 'welcome').length + one.in(room, 'unsubscribed').length > 0)
          .length === people.length,
      { what: 'answers to all' },
    );
    t.equal(people.filter((one) => one.in(room, 'welcome').length === 1).length, 2, room);
    t.equal(people.filter((one) => one.in(room, 'unsubscribed').length === 1).length, 8, room);
  }
});

t.test('rights are those of each room; a new token leaves some, and its end ends all', async (t) => {
  const parlor = await start(JWT_ENV);
  const of = (may: Record<string, readonly string[]>, more: object = {}): Promise<string> =>
    token({ sub: 'alice', rooms: Object.entries(may).map(([room, may]) => ({ room, may })), ...more });
  const noToken = await openRooms(parlor, 'user=alice').closed;
  t.equal(noToken.code, 4401);
  const alice = await joinRooms(
    parlor,
    `access_token=${await of({ 'channel:*': ALL_RIGHTS, 'group:*': ['join'] })}`,
  );
  for (const room of ['channel:a', 'channel:b', 'group:a', 'secret']) alice.subscribe(room);
  for (const room of ['channel:a', 'channel:b', 'group:a']) await alice.heard(room, 'welcome');
  t.match(await alice.heard('secret', 'unsubscribed'), [{ code: 'forbidden', message: /"join"/ }]);
  alice.send({ type: 'post', room: 'group:a', text: 'Hello' });
  t.match(await alice.heard('group:a', 'error'), [{ code: 'forbidden', message: /"post"/ }]);
  alice.send({ type: 'refresh', token: await of({ 'channel:a': ALL_RIGHTS }, { exp: inSeconds(4) }) });
  await alice.next('refreshed');
  t.match(await alice.heard('channel:b', 'unsubscribed'), [{ code: 'forbidden' }]);
  t.match(await alice.heard('group:a', 'unsubscribed'), [{ code: 'forbidden' }]);
  alice.send({ type: 'post', room: 'channel:a', text: 'still here' });
  await alice.heard('channel:a', 'message');
  t.equal((await alice.closed).code, 4401);
  t.match(alice.frames.at(-1), { type: 'error', code: 'unauthorized', room: undefined });
});

t.test('limits of a connection and of a user hold, and say which room they refused', async (t) => {
  const parlor = await start({
    SUBSCRIBES_PER_USER: '1',
    POSTS_PER_CONNECTION: '1',
    ROOMS_PER_CONNECTION: '45',
  });
  const alice = await joinRooms(parlor, 'user=alice');
  for (const n of oneTo(41)) alice.subscribe(`channel:${n}`);
  t.match(await alice.heard('channel:41', 'unsubscribed'), [
    { code: 'rate_limited', retry: true, message: /subscriptions of alice/ },
  ]);
  await alice.heard('channel:40', 'welcome');
  for (const n of oneTo(6)) alice.send({ type: 'post', room: 'channel:1', text: `${n}` });
  t.match(await alice.heard('channel:1', 'error'), [{ code: 'rate_limited', retry: true }]);
  const bob = await joinRooms(parlor, 'user=bob');
  for (const n of oneTo(30)) bob.subscribe(`channel:${n}`);
  await bob.heard('channel:30', 'welcome');
});

t.test('the node restarts: everything under way in all rooms is answered before the end', async (t) => {
  const parlor = await startParlor();
  const alice = await joinRooms(parlor, 'user=alice');
  const rooms = oneTo(20).map((n) => `channel:${n}`);
  for (const room of rooms) alice.subscribe(room);
  await alice.count('welcome', 20);
  for (const room of rooms) alice.send({ type: 'post', room, text: 'last' });
  await alice.heard('channel:1', 'ack');
  const ended = parlor.end();
  t.equal((await alice.closed).code, 1012);
  const acks = alice.of('ack').length + alice.of('error').filter(({ id }) => id !== undefined).length;
  t.ok(acks >= 1);
  t.match(alice.of('error').at(-1), { code: 'unavailable', retry: true, room: undefined });
  t.equal(await ended, 0);
});
