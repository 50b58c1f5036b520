import t from 'tap';
import { newId } from '../../engine/ids.js';
import type { PolicyChange } from '../../engine/messages/policy.js';
import { Cluster } from './cluster.js';
import { rest } from './cluster/rest.js';
import type { WatchedClient } from './cluster/node.js';

const DIRECT: PolicyChange = { capacity: 2, post: 'members', grace_ms: 5_000 };

/** Node 0 is the home of all rooms; two people are in room 42, one at each of the other nodes. */
async function twoAwayFromHome(policy: PolicyChange): Promise<[Cluster, WatchedClient, WatchedClient]> {
  const cluster = await Cluster.start({ partitions: 1, policy });
  const alice = await cluster.join(1, '42', 'alice');
  const bob = await cluster.join(2, '42', 'bob');
  return [cluster, alice, bob];
}

t.test('M1: the home of a room dies, and nobody in it notices', async (t) => {
  const [cluster, alice, bob] = await twoAwayFromHome(DIRECT);
  await cluster.pass(20_000);
  cluster.kill(0);
  const carl = cluster.connect(1, '42', 'carl');
  const dave = cluster.connect(2, '42', 'dave');
  await cluster.pass(20_000);
  t.same([carl.closedWith, dave.closedWith], [4409, 4409], 'nobody else gets in');
  t.same(await cluster.members('42'), ['alice', 'bob']);
  cluster.post(alice, 'still here');
  await cluster.settle();
  t.same(bob.texts, ['still here'], 'a member may post');
  t.same([alice.errors, alice.all('left'), bob.all('left')], [[], [], []]);
  t.match(await cluster.ask(1, { type: 'kick', room_id: '42', user: 'bob' }), { type: 'done' });
  t.equal(bob.closedWith, 4403);
  await rest(cluster, ['42']);
});

t.test(
  'M1: who joins while the new home does not know yet who is there is not let in too early',
  async (t) => {
    const [cluster, alice, bob] = await twoAwayFromHome(DIRECT);
    // Their nodes live, and need a second to answer.
    cluster.cut(2, 'silent');
    cluster.kill(0);
    const carl = cluster.connect(1, '42', 'carl');
    await cluster.pass(1_000);
    t.equal(carl.all('welcome').length, 0, 'not while a living node has not said who is there');
    cluster.mend(2);
    await cluster.pass(3_000);
    t.equal(carl.closedWith, 4409);
    t.ok(alice.isOpen && bob.isOpen);
    await rest(cluster, ['42']);
  },
);

t.test('M1b: the home dies, and a message of two people who are together is delivered', async (t) => {
  const [cluster, alice, bob] = await twoAwayFromHome({ ...DIRECT, deliver_alone: false });
  cluster.kill(0);
  cluster.post(alice, 'are you there?');
  await cluster.pass(6_000);
  t.same(bob.texts, ['are you there?']);
  t.equal(alice.all('ack').length, 1);
  await rest(cluster, ['42']);
});

t.test(
  'M1c: the home dies, a guest comes and goes, and the room stays open for those who are in it',
  async (t) => {
    const policy: PolicyChange = { capacity: 9, deletion: 'when_empty', grace_ms: 1_000 };
    const [cluster, alice, bob] = await twoAwayFromHome({ capacity: 2, grace_ms: 1_000 });
    await cluster.ask(1, { type: 'open', room_id: '42', policy });
    cluster.kill(0);
    const carl = cluster.connect(1, '42', 'carl');
    await cluster.pass(6_000);
    t.equal(carl.all('welcome').length, 1);
    cluster.close(carl);
    await cluster.pass(20_000);
    t.same([alice.all('room_closed'), bob.all('room_closed')], [[], []]);
    t.match(await cluster.store.load('42'), { status: 'open', policy: { capacity: 9 } });
    t.same(await cluster.members('42'), ['alice', 'bob']);
  },
);

t.test('M2: the home is stopped in a rolling update, and nobody in its rooms notices', async (t) => {
  const [cluster, alice, bob] = await twoAwayFromHome(DIRECT);
  await cluster.stop(0);
  const carl = cluster.connect(1, '42', 'carl');
  await cluster.pass(20_000);
  t.equal(carl.closedWith, 4409);
  cluster.post(bob, 'still here');
  await cluster.settle();
  t.same(alice.texts, ['still here']);
  t.same([alice.all('left'), bob.all('left')], [[], []]);
  t.same(await cluster.members('42'), ['alice', 'bob']);
  await rest(cluster, ['42']);
});

t.test('M3: a home that lost its link forgets its rooms, and every seat is counted once', async (t) => {
  const [cluster] = await twoAwayFromHome(DIRECT);
  cluster.cut(0);
  await cluster.members('42', 1);
  await cluster.settle();
  t.equal(cluster.node(0).engine.stats().rooms, 0, 'the old home has no room');
  t.equal(cluster.seats, 2);
  await rest(cluster, ['42']);
});

t.test(
  'M3: a home whose link is silent does nothing for its rooms, and goes on if it still is the home',
  async (t) => {
    const [cluster, alice, bob] = await twoAwayFromHome({ ...DIRECT, grace_ms: 1_000 });
    cluster.close(bob);
    await cluster.settle();
    cluster.cut(0, 'silent');
    await cluster.pass(500);
    cluster.mend(0);
    await cluster.pass(10_000);
    t.same(alice.roster, ['alice']);
    await rest(cluster, ['42']);
  },
);

t.test('M3a: a home that was cut off closes no room, and tells of nobody who left', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: { grace_ms: 3_000 } });
  await cluster.ask(1, { type: 'open', room_id: '42', policy: { capacity: 9, deletion: 'when_empty' } });
  cluster.close(await cluster.join(1, '42', 'alice'));
  await cluster.pass(1_000);
  cluster.cut(0);
  const alice = await cluster.join(1, '42', 'alice');
  await cluster.pass(20_000);
  t.same([alice.all('left'), alice.all('room_closed')], [[], []]);
  t.match(await cluster.store.load('42'), { status: 'open', policy: { capacity: 9 } });
  t.match(await cluster.send(1, '42', 'hello'), { type: 'posted' });
  t.match(await cluster.ask(1, { type: 'describe', room_id: '42' }), {
    room: { policy: { capacity: 9 }, members: ['alice'] },
  });
  t.same(alice.texts, ['hello']);
});

t.test('M3b: a node that is the home again does not keep seats for those who left meanwhile', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: { ...DIRECT, grace_ms: 1_000 } });
  const ann = await cluster.join(1, '42', 'ann');
  const bob = await cluster.join(1, '42', 'bob');
  await cluster.move('42', 1, 'abrupt');
  await cluster.members('42', 1);
  cluster.close(ann);
  cluster.close(bob);
  await cluster.pass(20_000);
  await cluster.move('42', 0, 'abrupt');
  const eve = await cluster.join(2, '42', 'eve');
  t.same(eve.roster, ['eve']);
  await rest(cluster, ['42']);
});

t.test('M3c: a node that is the home again knows of all that happened meanwhile', async (t) => {
  const cluster = await Cluster.start({ partitions: 1, policy: { capacity: null } });
  const ann = await cluster.join(0, '42', 'ann');
  await cluster.send(1, '42', 'one');
  cluster.cut(0);
  for (const text of ['two', 'three', 'four'])
    t.match(await cluster.send(1, '42', text, newId()), { type: 'posted' });
  cluster.mend(0);
  // The roll call that began without it is repeated after a second.
  await cluster.pass(2_000);
  await cluster.move('42', 0);
  t.same(ann.seqs, [1, 2, 3, 4], 'who sat there all the time has everything, without another event');
  const eve = await cluster.join(1, '42', 'eve');
  t.equal(eve.all('welcome')[0]?.head_seq, 4);
  const flo = await cluster.join(0, '42', 'flo', 1);
  t.match(flo.all('welcome'), [{ head_seq: 4, recovered: true }]);
  t.same(flo.seqs, [2, 3, 4]);
  await rest(cluster, ['42']);
});
