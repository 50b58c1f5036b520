import t from 'tap';
import { until } from '../support/until.js';
import { startCluster, startServers, type Cluster, type Servers } from './support/cluster.js';
import { countChannels, countsOf, standingIn, type Counts } from './support/rabbit-counts.js';

t.setTimeout(240_000);

const ROOM = 'channel:spread';
/** On each node. */
const MEMBERS = 25;
const POSTS = 200;

/** A cluster of four nodes. */
async function fourNodes(servers: Servers): Promise<Cluster> {
  const cluster = await startCluster(servers, {});
  await cluster.add('four');
  await cluster.settled(4);
  return cluster;
}

/** What RabbitMQ has counted when nothing is under way any more. */
async function restingCounts({ rabbit }: Servers): Promise<Counts> {
  let last = await countsOf(rabbit);
  await until(
    async () => {
      const before = last;
      last = await countsOf(rabbit);
      return last.published === before.published && last.delivered === before.delivered;
    },
    { what: 'RabbitMQ to be at rest', timeoutMs: 30_000 },
  );
  return last;
}

t.test(
  'RabbitMQ carries an event once for each node, however many members it has, and nothing grows with rooms',
  async (t) => {
    const servers = await startServers();
    t.teardown(() => servers.close());
    await countChannels(servers.rabbit);
    const cluster = await fourNodes(servers);
    t.teardown(() => cluster.close());
    const members = await Promise.all(
      cluster.nodes.flatMap(({ parlor, name }) =>
        Array.from({ length: MEMBERS }, (_, i) => parlor.join(ROOM, `user=${name}-${i}`)),
      ),
    );
    const [first] = cluster.nodes;
    if (!first) throw new Error('a cluster has nodes');
    const before = await restingCounts(servers);
    const begun = Promise.all(members.map((member) => member.count('message', POSTS)));
    for (let i = 0; i < POSTS; i++) await first.parlor.post(ROOM, { user: 'service', text: `${i}` });
    await begun;
    const after = await restingCounts(servers);
    const published = after.published - before.published;
    const delivered = after.delivered - before.delivered;
    t.comment(
      `${POSTS} posts to ${members.length} members on ${cluster.nodes.length} nodes: ` +
        `${published} messages published to parlor.events, ${delivered} delivered`,
    );
    t.ok(published > 0 && published <= POSTS, 'one message for a batch');
    t.equal(delivered, published * cluster.nodes.length, 'and each of them once for each node');

    const standing = await standingIn(servers.rabbit, cluster.url);
    const more = await Promise.all(
      Array.from({ length: 100 }, (_, i) => first.parlor.join(`channel:more-${i}`, 'user=alice')),
    );
    const grown = await standingIn(servers.rabbit, cluster.url);
    t.equal(grown.queues, standing.queues, 'queues');
    t.equal(grown.channels, standing.channels, 'channels');
    t.ok(
      grown.bindings <= standing.bindings + more.length,
      'a binding for each slot, not for each connection',
    );
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => first.parlor.join(`channel:more-${i}`, 'user=bob')),
    );
    t.same(await standingIn(servers.rabbit, cluster.url), grown, 'a second member costs nothing');
  },
);
