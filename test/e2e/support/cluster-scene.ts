import { roomsAt, type Cluster, type ClusterNode } from './cluster.js';
import { populate, type Scene } from './scene.js';

/** How long a seat is kept in these rooms, ms: longer than it takes to notice that a node is gone. */
export const GRACE_MS = 3_000;
const ROOMS = 16;
/** Everybody may post into the first, only members into the second. */
const ROOMS_OF_TWO = ['pair-', 'direct:pair-'];
/** 32 who post are some 150 posts a second. */
const POST_EVERY_MS = 200;

/** Three nodes with residents in rooms whose homes are known. */
export interface ClusterScene extends Scene {
  readonly cluster: Cluster;
  /** The homes of the rooms, when all was well. */
  readonly homes: readonly [ClusterNode, ...ClusterNode[]];
}

export interface Setting {
  /** The nodes that are to be the homes of the rooms, of all that are homes; those of most partitions come first. */
  readonly homes: (all: readonly ClusterNode[]) => readonly ClusterNode[];
  /** Where alice and bob of a room connect. */
  readonly seating: (
    room: number,
    cluster: Cluster,
    homes: readonly ClusterNode[],
  ) => readonly [ClusterNode, ClusterNode];
}

/** Lets everybody into a cluster; resolves when all residents post and others try to get in. */
export async function setScene(cluster: Cluster, setting: Setting, seed: number): Promise<ClusterScene> {
  const homes = await cluster.homes();
  const [first, ...more] = setting.homes(byPartitions(homes));
  if (!first) throw new Error('no node is a home');
  const chosen = [first, ...more] as const;
  const scene = await populate({
    doors: cluster.nodes,
    rooms: roomsAt(homes, chosen, ROOMS_OF_TWO, ROOMS),
    seating: (room) => setting.seating(room, cluster, chosen),
    graceMs: GRACE_MS,
    postEveryMs: POST_EVERY_MS,
    seed,
  });
  return Object.assign(scene, { cluster, homes: chosen });
}

/** The nodes that are homes, those of the most partitions first. */
function byPartitions(homes: ReadonlyMap<number, ClusterNode>): ClusterNode[] {
  const counts = new Map<ClusterNode, number>();
  for (const node of homes.values()) counts.set(node, (counts.get(node) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([node]) => node);
}
