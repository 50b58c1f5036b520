import t from 'tap';
import { ANYBODY, NOBODY, type Grant } from '../../engine/access/grant.js';
import { NO_CLIENT_RATES } from '../../engine/limits/client-limits.js';
import { ratePerSecond } from '../../engine/limits/rate.js';
import { newId } from '../../engine/ids.js';
import { startNode, type Node } from '../support/engine.js';
import { heard, inRoom, ManyClient, type Told } from '../support/many.js';
import { until } from '../support/until.js';

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

function types(client: ManyClient, room: string): string[] {
  return inRoom(client, room).map(({ type }) => type);
}

/** The last `unsubscribed` of a room. */
async function unsubscribed(client: ManyClient, room: string, count = 1): Promise<Told | undefined> {
  return (await heard(client, room, 'unsubscribed', count)).at(-1);
}

async function seatsOf(node: Node, room: string): Promise<number> {
  const answer = await node.request({ type: 'describe', room_id: room });
  return answer.type === 'described' ? answer.room.member_count : NaN;
}

t.test('two rooms over one socket: each frame says which room it is about', async (t) => {
  const node = await startNode(t);
  const alice = new ManyClient(node, 'alice');
  t.match(alice.frames, [{ type: 'hello', user: 'alice', rooms_limit: 500 }]);
  alice.enter('a');
  alice.enter('b');
  await heard(alice, 'a', 'welcome');
  await heard(alice, 'b', 'welcome');
  const bob = await node.join('b', 'bob');
  const [first, second] = [newId(), newId()];
  alice.postTo('a', 'to a', first);
  alice.postTo('b', 'to b', second);
  bob.post('from bob');
  await node.quiet();
  t.match(
    inRoom(alice, 'a').filter(({ type }) => type === 'ack'),
    [{ id: first, seq: 1 }],
  );
  t.same(bob.texts, ['to b', 'from bob']);
  t.same(
    inRoom(alice, 'b').flatMap((frame) => (frame.type === 'message' ? [[frame.room_id, frame.text]] : [])),
    [
      ['b', 'to b'],
      ['b', 'from bob'],
    ],
  );
  alice.say({ type: 'ping' });
  await node.quiet();
  t.same(alice.frames.at(-1), { type: 'pong' });
});

t.test('after unsubscribed no frame of the room comes, until it is subscribed to again', async (t) => {
  const node = await startNode(t, { policy: { grace_ms: 0 } });
  const alice = new ManyClient(node, 'alice');
  alice.enter('a');
  await heard(alice, 'a', 'welcome');
  await node.post('a', 'one');
  await node.quiet();
  alice.leave('a');
  t.same(await unsubscribed(alice, 'a'), { room: 'a', type: 'unsubscribed' });
  await node.post('a', 'two');
  await node.quiet();
  t.same(types(alice, 'a'), ['welcome', 'message', 'unsubscribed']);
  t.equal(await seatsOf(node, 'a'), 0);
  alice.enter('a', 1);
  await heard(alice, 'a', 'welcome', 2);
  await node.post('a', 'three');
  await node.quiet();
  t.same(
    inRoom(alice, 'a').flatMap((frame) => (frame.type === 'message' ? [frame.text] : [])),
    ['one', 'two', 'three'],
  );
});

t.test('in a large room, who unsubscribes hears no more, and others do', async (t) => {
  const node = await startNode(t, { policy: { grace_ms: 0 }, presenceLimit: 0 });
  const people = upTo(20).map((i) => new ManyClient(node, `many-${i}`));
  const single = await Promise.all(upTo(20).map((i) => node.join('a', `one-${i}`)));
  for (const one of people) {
    one.enter('a');
    one.enter('b');
  }
  await Promise.all(people.flatMap((one) => [heard(one, 'a', 'welcome'), heard(one, 'b', 'welcome')]));
  await node.post('a', 'one');
  await node.quiet();
  const [leaver, ...rest] = people;
  leaver?.leave('a');
  await node.quiet();
  await node.post('a', 'two');
  await node.post('b', 'elsewhere');
  single[0]?.say({ type: 'typing' });
  await node.quiet();
  const texts = (one: ManyClient | undefined, room: string): string[] =>
    one === undefined
      ? []
      : inRoom(one, room).flatMap((frame) => (frame.type === 'message' ? [frame.text] : []));
  t.same(texts(leaver, 'a'), ['one']);
  t.equal(leaver && types(leaver, 'a').at(-1), 'unsubscribed');
  for (const one of rest) t.same(texts(one, 'a'), ['one', 'two']);
  for (const one of people) t.same(texts(one, 'b'), ['elsewhere']);
  for (const one of single) t.same(one.texts, ['one', 'two']);
  t.ok(rest.every((one) => types(one, 'a').includes('typing')));
});

t.test('a room that is full, closed or lost ends its subscription and nothing else', async (t) => {
  const node = await startNode(t);
  const alice = new ManyClient(node, 'alice');
  for (const room of ['open', 'kick', 'close']) {
    alice.enter(room);
    await heard(alice, room, 'welcome');
  }
  await node.request({ type: 'open', room_id: 'full', policy: { capacity: 1 } });
  await node.join('full', 'bob');
  alice.enter('full');
  t.match(await unsubscribed(alice, 'full'), { code: 'room_full', retry: true, retry_after_ms: 5_000 });
  await node.request({ type: 'kick', room_id: 'kick', user: 'alice' });
  t.match(await unsubscribed(alice, 'kick'), { code: 'forbidden', retry: false });
  await node.request({ type: 'close', room_id: 'close', purge: true });
  t.match(await unsubscribed(alice, 'close'), { code: 'room_closed', retry: false });
  alice.enter('close');
  t.match(await unsubscribed(alice, 'close', 2), { code: 'room_closed' });
  alice.enter('direct:x');
  await heard(alice, 'direct:x', 'welcome');
  await node.post('open', 'still here');
  await node.quiet();
  t.match(inRoom(alice, 'open').at(-1), { type: 'message', text: 'still here' });
  t.equal(alice.closedWith, null);
  alice.close();
});

t.test('what cannot be asked for is refused, and says of which room', async (t) => {
  const node = await startNode(t, { roomsPerConnection: 2 });
  const alice = new ManyClient(node, 'alice');
  const id = newId();
  alice.postTo('a', 'too soon', id);
  alice.enter('a');
  alice.enter('a');
  alice.postTo('a', 'too soon', id);
  await heard(alice, 'a', 'welcome');
  t.match(
    inRoom(alice, 'a').filter(({ type }) => type === 'error'),
    [
      { code: 'not_joined', id },
      { code: 'bad_request', message: /already/ },
      { code: 'not_joined', id },
    ],
  );
  alice.enter('b');
  alice.enter('c');
  t.match(await unsubscribed(alice, 'c'), { code: 'rate_limited', message: /2 rooms/ });
  await heard(alice, 'b', 'welcome');
  alice.enter('not a room');
  t.match(await unsubscribed(alice, 'not a room'), { code: 'bad_request', retry: false });
  alice.say({ type: 'subscribe', room: 'd', since: -1 });
  t.match(await unsubscribed(alice, 'd'), { code: 'bad_request' });
  alice.say({ type: 'subscribe', room: 'a', since: -1 });
  alice.postTo('a', ' ', id);
  await heard(alice, 'a', 'error', 5);
  t.same(
    types(alice, 'a').filter((type) => type === 'unsubscribed'),
    [],
  );
  alice.leave('elsewhere');
  t.same(await unsubscribed(alice, 'elsewhere'), { room: 'elsewhere', type: 'unsubscribed' });
  for (const text of ['{', '[]', '{"type":"post","text":"no room"}', '{"type":"subscribe","room":7}'])
    alice.connection?.frame(text);
  await node.quiet();
  t.same(
    (alice.frames as readonly Told[]).slice(-4).map(({ type, room, code }) => [type, room, code]),
    Array.from({ length: 4 }, () => ['error', undefined, 'bad_request']),
  );
  t.equal(alice.closedWith, null);
});

t.test('a subscribe that comes too often is told so, as a subscription', async (t) => {
  const rates = { ...NO_CLIENT_RATES, subscribesOfUser: ratePerSecond(2, 1) };
  const node = await startNode(t, { clientRates: rates });
  const [alice, again] = [new ManyClient(node, 'alice'), new ManyClient(node, 'alice')];
  alice.enter('a');
  again.enter('b');
  await heard(alice, 'a', 'welcome');
  await heard(again, 'b', 'welcome');
  again.enter('c');
  t.match(await unsubscribed(again, 'c'), { code: 'rate_limited', retry: true, retry_after_ms: 500 });
  t.equal(node.counts.get('limited subscribes_per_user'), 1);
  node.clock.jump(500);
  again.enter('c');
  await heard(again, 'c', 'welcome');
});

t.test('subscribes that are refused unread are answered with their room, too', async (t) => {
  const rates = { ...NO_CLIENT_RATES, framesOfConnection: ratePerSecond(2, 1) };
  const node = await startNode(t, { clientRates: rates, roomsPerConnection: 3 });
  const alice = new ManyClient(node, 'alice');
  // All rooms may be asked for at once, besides what may come at once anyway.
  for (let i = 0; i < 6; i++) alice.enter(`${i}`);
  t.match(await unsubscribed(alice, '5'), { code: 'rate_limited', retry_after_ms: 500 });
  for (const room of ['0', '1', '2']) await heard(alice, room, 'welcome');
});

t.test(
  'a subscribe that is refused unread takes those before it with it, which nobody has read yet',
  async (t) => {
    const rates = { ...NO_CLIENT_RATES, framesOfConnection: ratePerSecond(1, 1) };
    const node = await startNode(t, { clientRates: rates, roomsPerConnection: 2 });
    const alice = new ManyClient(node, 'alice');
    alice.enter('a');
    alice.enter('b');
    alice.enter('b');
    // This one is one too many.
    alice.enter('a');
    await heard(alice, 'b', 'welcome');
    await node.quiet();
    t.same(types(alice, 'a'), ['unsubscribed', 'unsubscribed']);
    t.match(await unsubscribed(alice, 'a', 2), { code: 'rate_limited', retry: true, retry_after_ms: 1_000 });
    t.equal(node.engine.stats().seats, 1);
    node.clock.jump(1_000);
    alice.enter('a');
    await heard(alice, 'a', 'welcome');
  },
);

t.test(
  'the node goes down: who is in many rooms is told once, and what they ask for then is refused',
  async (t) => {
    const node = await startNode(t);
    const alice = new ManyClient(node, 'alice');
    alice.enter('a');
    alice.enter('b');
    await heard(alice, 'b', 'welcome');
    const drained = node.engine.drain(1_000);
    await until(() => alice.closedWith !== null, { what: 'the end', intervalMs: 1 });
    t.equal(alice.closedWith, 1012);
    t.match(alice.frames.at(-1), { type: 'error', code: 'unavailable', retry: true });
    t.equal((alice.frames.at(-1) as Told).room, undefined);
    node.clock.jump(1_000);
    await drained;
  },
);

t.test('rights are those of each room, and a new token may leave fewer', async (t) => {
  const mayBoth = new Set(['join', 'post'] as const);
  const grant = (more: Partial<Grant>): Grant => ({ ...NOBODY, user: 'alice', ...more });
  const tokens: Record<string, Grant> = {
    all: grant({ rooms: [{ room: '*', may: mayBoth }] }),
    fewer: grant({
      rooms: [
        { room: 'a', may: mayBoth },
        { room: 'b', may: new Set(['join'] as const) },
      ],
    }),
    another: grant({ user: 'bob', rooms: [{ room: '*', may: mayBoth }] }),
  };
  const node = await startNode(t, {
    verifier: {
      verify: (token) =>
        Promise.resolve(tokens[token] ?? { code: 'unauthorized' as const, message: 'no such token' }),
    },
  });
  const alice = new ManyClient(node, 'alice', tokens['all']);
  for (const room of ['a', 'b', 'c']) {
    alice.enter(room);
    await heard(alice, room, 'welcome');
  }
  for (const token of ['another', 'wrong', 'fewer']) {
    alice.say({ type: 'refresh', token });
    await node.quiet();
  }
  t.same(alice.errors, ['forbidden', 'unauthorized']);
  t.match(await unsubscribed(alice, 'c'), { code: 'forbidden', message: /join/, retry: false });
  t.match(alice.frames.at(-1), { type: 'refreshed' });
  alice.postTo('a', 'may');
  alice.postTo('b', 'may not');
  alice.say({ type: 'typing', room: 'b' });
  alice.enter('c');
  await heard(alice, 'a', 'message');
  await unsubscribed(alice, 'c', 2);
  t.match(
    inRoom(alice, 'b').filter(({ type }) => type === 'error'),
    [{ code: 'forbidden' }, { code: 'forbidden' }],
  );
  t.equal(alice.closedWith, null);
});

t.test('the limits are those of the last token, and a refresh is no way around them', async (t) => {
  const tokens: Record<string, Grant> = {
    service: { ...NOBODY, user: 'alice', isService: true },
    user: { ...NOBODY, user: 'alice' },
  };
  const rates = { ...NO_CLIENT_RATES, framesOfConnection: ratePerSecond(4, 1) };
  const node = await startNode(t, {
    verifier: {
      verify: (token) =>
        Promise.resolve(tokens[token] ?? { code: 'unauthorized' as const, message: 'no such token' }),
    },
    clientRates: rates,
    roomsPerConnection: 1,
  });
  const alice = new ManyClient(node, 'alice', tokens['service']);
  const refresh = async (token: string): Promise<void> => {
    alice.say({ type: 'refresh', token });
    await node.quiet();
  };
  const pings = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) alice.say({ type: 'ping' });
    await node.quiet();
  };
  await pings(50);
  t.same(alice.errors, [], 'a service has no limit');
  await refresh('user');
  await pings(5);
  t.same(alice.errors, [], 'as many as may come at once');
  await refresh('user');
  t.same(alice.errors, ['rate_limited'], 'one more');
  node.clock.jump(250);
  await refresh('user');
  await pings(1);
  t.same(alice.errors, ['rate_limited', 'rate_limited'], 'the same limits go on');
  node.clock.jump(250);
  await refresh('service');
  await pings(50);
  t.equal(alice.errors.length, 2);
});

t.test(
  'in each room it has its own id, until it has left one: nobody is taken for who was there before',
  async (t) => {
    const node = await startNode(t);
    const alice = new ManyClient(node, 'alice');
    const [hello] = alice.frames as unknown as Told[];
    const idIn = async (room: string, count = 1): Promise<unknown> => {
      const welcomes = await heard(alice, room, 'welcome', count);
      return welcomes.at(-1)?.['connection_id'];
    };
    for (const room of ['a', 'b']) {
      alice.enter(room);
      t.equal(await idIn(room), hello?.['connection_id']);
    }
    const ids = new Set([hello?.['connection_id']]);
    for (const count of [2, 3]) {
      alice.leave('a');
      alice.enter('a');
      ids.add(await idIn('a', count));
    }
    t.equal(ids.size, 3);
  },
);

t.test(
  'unsubscribing a thousand times, at any moment of joining, leaves no seat and no frame behind',
  async (t) => {
    const node = await startNode(t, { policy: { grace_ms: 0 } });
    for (let i = 0; i < 300; i++) void node.post('a', `${i}`);
    await node.quiet();
    const alice = new ManyClient(node, 'alice', ANYBODY);
    const step = (): Promise<void> => new Promise((next) => setImmediate(next));
    for (let i = 0; i < 1_000; i++) {
      alice.enter('a', i % 3 === 0 ? 0 : undefined);
      for (let k = 0; k < i % 12; k++) await step();
      alice.leave('a');
      if (i % 5 === 0) await step();
    }
    await unsubscribed(alice, 'a', 1_000);
    await node.quiet();
    t.equal(await seatsOf(node, 'a'), 0);
    t.equal(node.engine.stats().audiences, 0);
    let isIn = false;
    const stray = types(alice, 'a').filter((type) => {
      if (type === 'welcome' || type === 'unsubscribed') isIn = type === 'welcome';
      return type !== 'unsubscribed' && !isIn;
    });
    t.same(stray, [], 'no frame comes while it is out');
    const welcomes = types(alice, 'a').filter((type) => type === 'welcome').length;
    alice.enter('a', 290);
    await heard(alice, 'a', 'welcome', welcomes + 1);
    t.equal(await seatsOf(node, 'a'), 1);
    alice.close();
    await node.quiet();
    t.equal(await seatsOf(node, 'a'), 0);
  },
);
