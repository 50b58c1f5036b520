import t, { type Test } from 'tap';
import { readHistory } from './support/chat.js';
import { startCluster, startServers, type Cluster, type ClusterNode } from './support/cluster.js';
import { startSteady, type Steady } from './support/steady.js';

t.setTimeout(240_000);

const ROOMS = Array.from({ length: 48 }, (_, i) => `steady-${i}`);

/** How many partitions each node is the home of, the most first. */
async function shares(cluster: Cluster): Promise<number[]> {
  const counts = new Map<ClusterNode, number>();
  for (const node of (await cluster.homes()).values()) counts.set(node, (counts.get(node) ?? 0) + 1);
  return [...counts.values()].sort((a, b) => b - a);
}

/** Lets something happen to the cluster while all rooms are posted into, and prints what the posters saw of it. */
async function during(
  t: Test,
  cluster: Cluster,
  all: readonly Steady[],
  what: string,
  happens: () => Promise<void>,
): Promise<void> {
  const before = await shares(cluster);
  for (const one of all) one.forget();
  await happens();
  const after = await shares(cluster);
  const longest = all.map((one) => Math.round(one.longest)).sort((a, b) => a - b);
  const others = new Map<string, number>();
  for (const one of all)
    for (const [status, count] of one.others) others.set(status, (others.get(status) ?? 0) + count);
  t.comment(
    `${what}: partitions ${before.join()} → ${after.join()}; longest wait for a 201, by room: ` +
      `median ${longest[longest.length >> 1]}, largest ${longest.at(-1)} ms; ` +
      `other answers: ${[...others].map(([status, count]) => `${count} × ${status}`).join(', ') || 'none'}`,
  );
}

t.test(
  'nodes join, leave and die while services post: nothing is lost, and the load is spread again',
  async (t) => {
    const servers = await startServers();
    t.teardown(() => servers.close());
    const cluster = await startCluster(servers, {});
    t.teardown(() => cluster.close());
    const [first, second] = cluster.nodes;
    if (!first || !second) throw new Error('a cluster has three nodes');
    const all = ROOMS.map((room) => startSteady(first.parlor, room));

    await during(t, cluster, all, 'a fourth node joins', async () => {
      await cluster.add('four');
      await cluster.settled(4);
    });
    t.equal((await shares(cluster))[0], 4, 'no node has more than its share, rounded up');

    await during(t, cluster, all, 'one leaves', async () => {
      t.equal(await second.parlor.end('SIGTERM'), 0);
      await cluster.settled(3);
    });
    t.equal((await shares(cluster))[0], 6, 'no node has more than its share, rounded up');

    const killed = cluster.nodes.find((node) => node !== first && node !== second);
    if (!killed) throw new Error('three nodes are left');
    await during(t, cluster, all, 'one is killed', async () => {
      await killed.parlor.end('SIGKILL');
      await cluster.settled(2);
    });
    t.equal((await shares(cluster))[0], 8, 'no node has more than its share, rounded up');

    await Promise.all(all.map((one) => one.stop()));
    const wrong: string[] = [];
    for (const { room, posted } of all) {
      const stored = (await readHistory(first.parlor, room)).map(({ id }) => id);
      if (stored.join() !== posted.join())
        wrong.push(`${room}: ${posted.length} posted, ${stored.length} stored`);
    }
    t.same(wrong, [], 'every post is there once, in the order in which it was sent');
  },
);
