import t from 'tap';
import { newId } from '../../engine/ids.js';
import { Cluster, postOf } from './cluster.js';
import { rest } from './cluster/rest.js';

t.test('M6: a join from another node costs the same, however many are in the room', async (t) => {
  const cost = async (members: number): Promise<number> => {
    const cluster = await Cluster.start({ partitions: 1, policy: { capacity: null } });
    for (let i = 0; i < members; i++) cluster.connect(0, '42', `user-${i}`);
    await cluster.pass(2_000);
    t.equal(cluster.seats, members);
    const before = cluster.network.carried.get('presences') ?? 0;
    for (let i = 0; i < 10; i++) await cluster.join(1, '42', `guest-${i}`);
    await cluster.pass(2_000);
    t.equal(cluster.seats, members + 10);
    return (cluster.network.carried.get('presences') ?? 0) - before;
  };
  const [empty, full] = [await cost(0), await cost(2_000)];
  t.ok(
    full <= empty + 20,
    `${full} presences are carried for ten joins into a room of 2,000, ${empty} without`,
  );
});

t.test('M7: with no time of grace, who joins from another node is in, and stays', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: { capacity: null, grace_ms: 0 } });
  await cluster.ask(0, { type: 'open', room_id: '42', policy: { capacity: 5, deletion: 'when_empty' } });
  cluster.node(1).endpoint.delays = { requests: 3, words: 3 };
  const alice = cluster.connect(1, '42', 'alice');
  for (let i = 0; i < 20; i++) {
    await cluster.turns(2);
    cluster.clock.jump(2);
  }
  await cluster.pass(1_000);
  t.same(
    alice.frames.map(({ type }) => type).filter((type) => type !== 'joined'),
    ['welcome'],
  );
  t.match(await cluster.ask(0, { type: 'describe', room_id: '42' }), {
    room: { status: 'open', members: ['alice'], policy: { capacity: 5 } },
  });
  await rest(cluster, ['42']);
});

t.test('M8: a room that was ended waits for those who were in it, not for half a second', async (t) => {
  const policy = { capacity: 2, grace_ms: 5_000 } as const;
  const cluster = await Cluster.start({ partitions: 1, policy });
  const alice = await cluster.join(0, '42', 'alice');
  const bob = await cluster.join(1, '42', 'bob');
  // The store goes away: the commit fails, the room cannot be loaded, and it ends.
  cluster.node(0).gate.fault = 'away';
  cluster.post(alice, 'lost');
  await cluster.settle();
  cluster.node(0).gate.fault = 'none';
  // Whatever bob's node says needs more than a second.
  cluster.cut(1, 'silent');
  const carl = cluster.connect(2, '42', 'carl');
  await cluster.pass(1_500);
  cluster.mend(1);
  await cluster.pass(20_000);
  t.equal(carl.closedWith, 4409);
  t.same([bob.isOpen, bob.errors, alice.all('left')], [true, [], []]);
  t.same(await cluster.members('42'), ['alice', 'bob']);
  await rest(cluster, ['42']);
});

t.test('M10: a post for a home that has too many rooms waits, and is carried out', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: { idle_ms: 1_000 }, engine: { maxRooms: 1 } });
  const alice = await cluster.join(0, 'full', 'alice');
  const id = newId();
  const answer = cluster.request(1, postOf('42', 'patience', id));
  await cluster.pass(10_000);
  const { type } = await answer;
  t.not(type, 'posted');
  cluster.close(alice);
  await cluster.pass(30_000);
  const stored = await cluster.store.findEvents([id]);
  t.equal(stored.length, 1, `it was answered ${type}, and is carried out once there is room`);
  t.same(cluster.network.buried, []);
});

t.test('M10: a post for a room that rests after too many crashes waits, and is carried out', async (t) => {
  const fault = ({ type, ...rest }: { type: string; text?: string }): void => {
    if (type === 'post' && rest.text === 'boom') throw new Error('as asked');
  };
  const cluster = await Cluster.start({ partitions: 1, engine: { fault } });
  for (let i = 0; i < 5; i++) t.match(await cluster.send(0, '42', 'boom'), { code: 'internal' });
  const id = newId();
  const answer = cluster.request(1, postOf('42', 'patience', id));
  await cluster.pass(45_000);
  t.not((await answer).type, 'posted');
  t.equal((await cluster.store.findEvents([id])).length, 1);
  t.same(cluster.network.buried, []);
});

t.test('M12: typing is a word between nodes, which nothing keeps', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: { capacity: null } });
  const alice = await cluster.join(1, '42', 'alice');
  const bob = await cluster.join(2, '42', 'bob');
  for (let i = 0; i < 5; i++) {
    cluster.node(1).say(alice, { type: 'typing' });
    await cluster.pass(1_000);
  }
  t.ok(bob.all('typing').length > 0);
  t.equal(cluster.network.carried.get('request typing'), undefined, 'no durable command a keystroke');
  cluster.cut(1);
  cluster.node(1).say(alice, { type: 'typing' });
  await cluster.pass(10_000);
  t.same(alice.errors, [], 'typing that is lost is nothing to be told of');
  cluster.mend(1);
  await rest(cluster, ['42']);
});
