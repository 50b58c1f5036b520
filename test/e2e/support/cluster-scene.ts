import { roomsAt, startCluster, type Cluster, type ClusterNode, type Servers } from './cluster.js';
import { populate, type Scene } from './scene.js';

/** How long a seat is kept in these rooms, ms: longer than it takes to notice that a node is gone. */
export const GRACE_MS = 3_000;
const ROOMS = 16;
/** 32 who post are some 150 posts a second. */
const POST_EVERY_MS = 200;

/** Three nodes with residents in rooms whose homes are known. */
export interface ClusterScene extends Scene {
  readonly cluster: Cluster;
  /** A home of the rooms, when all was well. */
  readonly home: ClusterNode;
}

export interface Setting {
  /** Nodes that start at the same moment, so that they share the partitions. */
  readonly together?: number;
  /** The nodes that are to be the homes of the rooms, given the home of each partition. */
  readonly homes: (all: ReadonlyMap<number, ClusterNode>, cluster: Cluster) => ClusterNode[];
  /** Where alice and bob of a room connect. */
  readonly seating: (
    room: number,
    cluster: Cluster,
    home: ClusterNode,
  ) => readonly [ClusterNode, ClusterNode];
}

/** Starts a cluster, lets everybody in, and resolves when all of them post and others try to get in. */
export async function setScene(servers: Servers, setting: Setting, seed: number): Promise<ClusterScene> {
  const cluster = await startCluster(servers, { GRACE_MS: String(GRACE_MS) }, setting.together);
  try {
    const homes = await cluster.homes();
    const chosen = setting.homes(homes, cluster);
    const [home] = chosen;
    if (!home) throw new Error('no node is a home');
    const scene = await populate({
      doors: cluster.nodes,
      rooms: roomsAt(homes, chosen, ROOMS),
      seating: (room) => setting.seating(room, cluster, home),
      graceMs: GRACE_MS,
      postEveryMs: POST_EVERY_MS,
      seed,
    });
    return Object.assign(scene, { cluster, home });
  } catch (cause) {
    await cluster.close();
    throw cause;
  }
}
