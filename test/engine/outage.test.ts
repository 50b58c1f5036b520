import t from 'tap';
import { newId } from '../../engine/ids.js';
import { turns } from '../support/clock.js';
import { startNode, TIMERS_AT_REST } from '../support/engine.js';

t.test(
  'a room that cannot be loaded answers unavailable, and is tried anew by the next command',
  async (t) => {
    let broken = true;
    const node = await startNode(t, {
      store: (inner) => ({
        ...inner,
        load: (id) => (broken ? Promise.reject(new Error('no host db.inside')) : inner.load(id)),
      }),
    });
    const alice = node.connect('42', 'alice');
    const answer = await node.post('42', 'one');
    t.match(answer, { type: 'refused', code: 'unavailable' });
    t.notMatch(JSON.stringify(answer), /db\.inside/, 'the cause is for the log');
    t.match(JSON.stringify(node.log), /db\.inside/);
    await node.quiet();
    t.equal(alice.closedWith, 4503);
    t.equal(node.engine.stats().rooms, 0);
    broken = false;
    t.match(await node.post('42', 'one'), { type: 'posted', message: { seq: 1 } });
  },
);

t.test('members keep their seats over a store that is down for a while', async (t) => {
  let broken = false;
  const orFail = <T>(answer: () => Promise<T>): Promise<T> =>
    broken ? Promise.reject(new Error('down')) : answer();
  const node = await startNode(t, {
    policy: { capacity: 1, post: 'members' },
    store: (inner) => ({
      ...inner,
      append: (appends) => orFail(() => inner.append(appends)),
      load: (id) => orFail(() => inner.load(id)),
    }),
  });
  const alice = await node.join('42', 'alice');
  broken = true;
  alice.post('lost');
  await node.quiet();
  alice.post('lost, too');
  await node.quiet();
  t.same(alice.errors, ['unavailable', 'unavailable']);
  broken = false;
  const bob = node.connect('42', 'bob');
  await turns(30);
  await node.clock.pass(1_000);
  await node.quiet();
  t.equal(bob.closedWith, 4409);
  alice.post('back');
  await node.quiet();
  t.same(alice.texts, ['back']);
});

t.test(
  'a store that cannot say whether an id is known costs that post an unavailable, and no more',
  async (t) => {
    let broken = true;
    const node = await startNode(t, {
      store: (inner) => ({
        ...inner,
        findEvents: (ids) => (broken ? Promise.reject(new Error('down')) : inner.findEvents(ids)),
      }),
    });
    const id = newId();
    t.match(await node.post('42', 'one', id), { type: 'refused', code: 'unavailable' });
    broken = false;
    t.match(await node.post('42', 'one', id), { type: 'posted', message: { seq: 1 } });
  },
);

t.test('posts keep their order although some of them have to be looked up in the store', async (t) => {
  const node = await startNode(t, {
    store: (inner) => ({ ...inner, findEvents: (ids) => turns(4).then(() => inner.findEvents(ids)) }),
  });
  const alice = await node.join('42', 'alice');
  for (let i = 0; i < 100; i++) {
    alice.post(`${i}`, i % 3 === 0 ? newId() : undefined);
    if (i % 7 === 0) await turns(1);
  }
  await node.quiet();
  t.same(
    alice.texts,
    Array.from({ length: 100 }, (_, i) => `${i}`),
  );
});

t.test('a thousand rooms that could not be loaded leave nothing behind', async (t) => {
  const node = await startNode(t, {
    store: (inner) => ({ ...inner, load: () => Promise.reject(new Error('down')) }),
  });
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => node.post(`room-${i}`, 'hello')));
  await node.quiet();
  t.match(node.engine.stats(), { rooms: 0, seats: 0, broker: { pending: 0 } });
  t.equal(node.clock.pending, TIMERS_AT_REST);
});

t.test('a room with nobody in it does not keep the clock busy while its store hangs', async (t) => {
  let release = (): void => undefined;
  const node = await startNode(t, {
    policy: { idle_ms: 10 },
    store: (inner) => ({
      ...inner,
      append: (appends) => new Promise<void>((open) => (release = open)).then(() => inner.append(appends)),
    }),
  });
  const answer = node.post('42', 'slow');
  await node.clock.pass(1_000);
  t.equal(node.clock.pending, TIMERS_AT_REST, 'nothing to wake up for');
  release();
  t.match(await answer, { type: 'posted' });
  await node.clock.pass(100);
  t.equal(node.engine.stats().rooms, 0, 'and afterwards it is forgotten like any other');
});

t.test('a store that is down while many post is a line a second in the log, not one a post', async (t) => {
  let broken = false;
  const node = await startNode(t, {
    store: (inner) => ({
      ...inner,
      append: (appends) => (broken ? Promise.reject(new Error('no disk')) : inner.append(appends)),
    }),
  });
  await Promise.all(Array.from({ length: 20 }, (_, i) => node.post(`room-${i}`, 'before')));
  broken = true;
  for (let second = 0; second < 3; second++) {
    for (let i = 0; i < 100; i++) t.match(await node.post(`room-${i % 20}`, 'x'), { code: 'unavailable' });
    await node.clock.pass(1_000);
  }
  const lines = node.log.filter(({ level }) => level !== 'info');
  t.same(
    lines.map(({ fields }) => fields),
    [1, 100, 100].map((rooms) => ({ cause: 'no disk', rooms })),
    'each says why, and how many since the last one',
  );
});

t.test('rooms that are not awake are not tried while the store is not ready', async (t) => {
  let ready = true;
  let loads = 0;
  const node = await startNode(t, {
    store: (inner) => ({
      ...inner,
      load: (id) => (loads++, inner.load(id)),
      state: () => ({ kind: 'memory', ready, reason: ready ? null : 'no disk' }),
    }),
  });
  const alice = await node.join('awake', 'alice');
  ready = false;
  for (let i = 0; i < 100; i++) {
    const answer = await node.request({ type: 'describe', room_id: `asleep-${i}` });
    t.match(answer, { code: 'unavailable' });
  }
  t.equal(loads, 1);
  t.equal(node.engine.unready(), 'store: no disk');
  const bob = await node.join('awake', 'bob');
  t.same(
    [alice.roster, bob.roster],
    [
      ['alice', 'bob'],
      ['alice', 'bob'],
    ],
    'who is awake goes on',
  );
  ready = true;
  t.match(await node.post('asleep-1', 'x'), { type: 'posted' });
});

t.test('while the store is known to be down, what it would have to keep is refused at once', async (t) => {
  let ready = true;
  const asked: string[] = [];
  const node = await startNode(t, {
    store: (inner) => ({
      ...inner,
      state: () => ({ kind: 'memory', ready, reason: ready ? null : 'no host db.inside' }),
    }),
    broker: (inner) => ({
      ...inner,
      request(command, onAnswer) {
        asked.push(command.type);
        inner.request(command, onAnswer);
      },
    }),
  });
  const alice = await node.join('42', 'alice');
  asked.length = 0;
  ready = false;
  const id = newId();
  alice.post('over the WebSocket', id);
  const answers = [
    await node.post('42', 'over HTTP'),
    await node.request({ type: 'open', room_id: '42', policy: {} }),
    await node.request({ type: 'close', room_id: '42', purge: false }),
    await node.request({ type: 'kick', room_id: '42', user: 'alice' }),
  ];
  await node.quiet();
  for (const answer of answers) t.match(answer, { type: 'refused', code: 'unavailable', reached: 'no' });
  t.match(alice.all('error'), [{ code: 'unavailable', id }]);
  t.notMatch(JSON.stringify([answers, alice.frames]), /db\.inside/, 'the cause is for the log');
  t.same(asked, [], 'a durable broker would have taken it, and carried it out hours later');
  t.match(await node.request({ type: 'describe', room_id: '42' }), { type: 'described' });
  t.equal(node.engine.stats().underWay, 0);
  ready = true;
  t.match(await node.post('42', 'again'), { type: 'posted', message: { seq: 1 } });
});
