import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { until } from '../support/until.js';
import { blip } from './support/blip.js';
import { Clusters, startServers, type Cluster, type ClusterNode } from './support/cluster.js';
import { GRACE_MS, setScene, type ClusterScene, type Setting } from './support/cluster-scene.js';
import { Tally } from './support/cluster-tally.js';
import { endScene } from './support/scene.js';
import { between } from './support/words.js';

/** How often each scenario is played. */
const RUNS = Number(process.env.RUNS ?? 1);
/** At most this long is waited for RabbitMQ to give the partitions to another node, ms. */
const MOVE_MS = 20_000;
/** After the last thing that happens it is watched for as long as a seat is kept, and a little longer, ms. */
const WATCH_MS = GRACE_MS + 1_000;
/** At most this long is waited for a seat to become free, ms; what is said of it is much less. */
const FREE_MS = GRACE_MS + 10_000;

t.setTimeout(60_000 + RUNS * 7 * 60_000);

/** What happens to the home of all rooms, where nobody is connected; resolves when it is over. */
const FATES: Readonly<Record<string, (scene: ClusterScene) => Promise<void>>> = {
  'home killed': async ({ homes: [home], dead }) => {
    dead.add(home);
    await home.parlor.end('SIGKILL');
  },
  'home stopped and continued': async (scene) => {
    process.kill(scene.homes[0].parlor.pid, 'SIGSTOP');
    await away(scene);
    process.kill(scene.homes[0].parlor.pid, 'SIGCONT');
  },
  'home’s link cut visibly and mended': async (scene) => {
    await scene.homes[0].link.refuse();
    await away(scene);
    await scene.homes[0].link.recover();
  },
  'home’s link cut silently and mended': async (scene) => {
    scene.homes[0].link.hang();
    await away(scene);
    await scene.homes[0].link.recover();
  },
  'home drained': async ({ homes: [home], dead }) => {
    dead.add(home);
    await home.parlor.end('SIGTERM');
  },
};

/** The home is away until posts flow without it, and longer than a seat is kept. */
async function away({ happenedAt, postsFlow }: ClusterScene): Promise<void> {
  await postsFlow(happenedAt, MOVE_MS);
  await postsFlow(happenedAt + WATCH_MS, MOVE_MS);
}

t.test('three nodes', async (t) => {
  const servers = await startServers();
  t.teardown(() => servers.close());
  const scenarios = Object.keys(FATES).length + 2;
  const clusters = new Clusters(servers, { GRACE_MS: String(GRACE_MS) }, RUNS * scenarios);
  t.teardown(() => clusters.close());
  for (const [name, befall] of Object.entries(FATES))
    t.test(`${name}: who is in a room stays in it, and nobody else gets in`, (t) =>
      play(t, clusters, name, allAtOneHome, befall),
    );
  t.test(
    'another node killed: its seats become free after grace, but not of those who come back elsewhere',
    (t) => play(t, clusters, 'another node killed', aliceElsewhere, loseAlice),
  );
  t.test('a node whose link is cut reads what it missed, without waiting for more', async (t) => {
    for (let run = 0; run < RUNS; run++) {
      const cluster = await clusters.take();
      t.teardown(() => cluster.close());
      await blip(t, cluster, run % 2 === 0 ? 'visibly' : 'silently');
      await cluster.close();
    }
  });
});

async function play(
  t: Test,
  clusters: Clusters,
  name: string,
  setting: Setting,
  befall: (scene: ClusterScene) => Promise<void>,
): Promise<void> {
  const tally = new Tally(name);
  const homes: number[] = [];
  for (let seed = 0; seed < RUNS; seed++) {
    const cluster = await clusters.take();
    t.teardown(() => cluster.close());
    const scene = await setScene(cluster, setting, seed);
    t.teardown(() => void (scene.stage.phase = 'over'));
    homes.push(scene.homes.length);
    scene.happenedAt = performance.now();
    await befall(scene);
    await scene.postsFlow(scene.happenedAt);
    clusters.prepare();
    tally.add(scene, await endScene(scene, WATCH_MS, () => cluster.close()));
  }
  tally.verdict(t);
  if (homes.includes(2))
    t.comment(`the rooms had two homes in ${homes.filter((count) => count === 2).length} runs`);
}

/** All rooms have one home, and nobody is connected there. */
const allAtOneHome: Setting = {
  homes: (all) => all.slice(0, 1),
  seating(room, cluster, homes) {
    const [one, two] = pairOf(cluster.nodes.filter((node) => !homes.includes(node)));
    return room % 2 === 0 ? [one, two] : [two, one];
  },
};

/** Alice is connected to a node that is no home of the rooms; one or two others are. */
const aliceElsewhere: Setting = {
  homes: (all) => all.slice(0, 2),
  seating(room, cluster, homes) {
    const victim = victimOf(cluster, homes);
    const pair = pairOf(cluster.others(victim));
    return [victim, pair[room & 1] ?? pair[0]];
  },
};

/** Alice’s node dies. In half of the rooms she comes back on another one, in the others she does not. */
async function loseAlice(scene: ClusterScene): Promise<void> {
  const { cluster, residents, intruders, stage, dead, happenedAt } = scene;
  const victim = victimOf(cluster, scene.homes);
  const alices = residents.filter(({ user }) => user === 'alice');
  alices.forEach((alice, i) => {
    alice.losesNode();
    // In rooms of both kinds.
    alice.isGone = i % 4 < 2;
  });
  dead.add(victim);
  await victim.parlor.end('SIGKILL');
  const others = cluster.others(victim);
  const returns = alices
    .filter(({ isGone }) => !isGone)
    .map(async (alice, i) => {
      await pause(between(stage.random, 0, GRACE_MS / 2));
      await alice.enterUntil(others[i % others.length] ?? victim, happenedAt + FREE_MS);
    });
  const isTaken = (room: string): boolean =>
    intruders.some((intruder) => intruder.room === room && intruder.cameInAt !== null);
  const free = alices.filter(({ isGone }) => isGone).map(({ room }) => room);
  await Promise.all(returns);
  await until(() => free.every(isTaken) || performance.now() > happenedAt + FREE_MS, {
    timeoutMs: FREE_MS * 2,
    what: 'seats to become free',
  });
}

/** The last of the nodes that are no home of the rooms. */
function victimOf(cluster: Cluster, homes: readonly ClusterNode[]): ClusterNode {
  const victim = cluster.nodes.filter((node) => !homes.includes(node)).at(-1);
  if (!victim) throw new Error('every node is a home of the rooms');
  return victim;
}

function pairOf([one, two]: readonly ClusterNode[]): [ClusterNode, ClusterNode] {
  if (!one || !two) throw new Error('a cluster has three nodes');
  return [one, two];
}
