import t from 'tap';
import type { Command } from '../../engine/messages/commands.js';
import type { DurableEvent } from '../../engine/messages/events.js';
import type { PolicyChange } from '../../engine/messages/policy.js';
import { turns } from '../support/clock.js';
import { Cluster, postOf } from './cluster.js';
import { rest } from './cluster/rest.js';

const POLICY: PolicyChange = { capacity: null, grace_ms: 5_000 };

/** Node 0 is the home of all rooms. What was sent and not confirmed when a link is lost has arrived. */
async function start(): Promise<Cluster> {
  return Cluster.start({ partitions: 1, policy: POLICY, random: () => 0.99 });
}

/**
 * Two ways in which a command arrives twice: its sender loses its link before the command is confirmed, and sends it
 * again; its home carries it out, and is the home no more before the broker knows that.
 */
const WAYS = {
  'sent again': {
    before: (cluster: Cluster) => void (cluster.node(1).endpoint.delays = { requests: 20 }),
    async first(cluster: Cluster) {
      await turns(6);
      cluster.cut(1);
      await turns(60);
    },
    async second(cluster: Cluster) {
      cluster.mend(1);
      await cluster.pass(1_000);
    },
  },
  'delivered again': {
    before: (cluster: Cluster) => void (cluster.node(0).endpoint.delays = { confirms: 2_000 }),
    first: () => turns(60),
    async second(cluster: Cluster) {
      cluster.network.move(cluster.partitionOf('42'), cluster.node(2).endpoint, 'abrupt');
      await cluster.pass(1_000);
    },
  },
} as const;

async function typesIn(cluster: Cluster): Promise<string[]> {
  const events = await cluster.store.history({ room_id: '42', after: 0, limit: 100, messages_only: false });
  return events.map(({ type }: DurableEvent) => type);
}

for (const [how, way] of Object.entries(WAYS)) {
  t.test(`a kick that is ${how} does not throw out who has come back`, async (t) => {
    const cluster = await start();
    const alice = await cluster.join(0, '42', 'alice');
    const bob = await cluster.join(2, '42', 'bob');
    way.before(cluster);
    const answer = cluster.request(1, { type: 'kick', room_id: '42', user: 'bob' });
    await way.first(cluster);
    t.equal(bob.closedWith, 4403);
    const again = cluster.connect(2, '42', 'bob');
    await turns(60);
    t.equal(again.all('welcome').length, 1, 'he is back');
    await way.second(cluster);
    t.ok(again.isOpen, 'and stays');
    t.match(await answer, { type: 'done' });
    t.same(await cluster.members('42'), ['alice', 'bob']);
    t.same(await typesIn(cluster), ['member_kicked']);
    t.equal(alice.all('member_kicked').length, 1);
    await rest(cluster, ['42']);
  });

  t.test(`a close that is ${how} does not close a room that was opened anew`, async (t) => {
    const cluster = await start();
    const alice = await cluster.join(0, '42', 'alice');
    way.before(cluster);
    const answer = cluster.request(1, { type: 'close', room_id: '42', purge: false });
    await way.first(cluster);
    t.equal(alice.closedWith, 4410);
    void cluster.request(2, { type: 'open', room_id: '42', policy: {} });
    await turns(60);
    const bob = cluster.connect(2, '42', 'bob');
    await turns(60);
    await way.second(cluster);
    t.ok(bob.isOpen);
    t.match(await answer, { type: 'done' });
    t.same(await typesIn(cluster), ['room_closed', 'room_opened']);
    t.same(await cluster.members('42'), ['bob']);
    await rest(cluster, ['42']);
  });

  t.test(`an open that is ${how} does not undo what was changed since, and says what it did`, async (t) => {
    const cluster = await start();
    way.before(cluster);
    const answer = cluster.request(1, { type: 'open', room_id: '42', policy: { capacity: 5 } });
    await way.first(cluster);
    void cluster.request(2, { type: 'open', room_id: '42', policy: { capacity: 9 } });
    await turns(60);
    await way.second(cluster);
    t.match(await answer, { type: 'opened', created: true });
    t.same(await typesIn(cluster), ['room_opened', 'policy_changed']);
    t.match(await cluster.store.load('42'), { policy: { capacity: 9 } });
    await rest(cluster, ['42']);
  });

  t.test(
    `of several changes that are ${how} the last one holds, also where one changed nothing`,
    async (t) => {
      const cluster = await start();
      await cluster.ask(1, { type: 'open', room_id: '42', policy: { capacity: 5 } });
      way.before(cluster);
      const commands: Command[] = [
        postOf('42', 'before'),
        // It changes nothing, and so leaves no event to know it by.
        { type: 'open', room_id: '42', policy: { capacity: 5 } },
        { type: 'open', room_id: '42', policy: { capacity: 9 } },
        { type: 'kick', room_id: '42', user: 'nobody' },
      ];
      const answers = commands.map((command) => cluster.request(1, command));
      await way.first(cluster);
      t.match(await cluster.store.load('42'), { policy: { capacity: 9 } });
      await way.second(cluster);
      t.match(await cluster.store.load('42'), { policy: { capacity: 9 } });
      t.match(await Promise.all(answers), [
        { type: 'posted' },
        { type: 'opened', created: false },
        { type: 'opened', created: false },
        { type: 'refused', code: 'not_a_member' },
      ]);
      await rest(cluster, ['42']);
    },
  );
}
