import { check } from '../../checker/check.js';
import type { History, Roster } from '../../checker/history.js';
import { sentence } from '../../checker/violations.js';
import { until } from '../../support/until.js';
import { Book } from './book.js';
import { Intruder, Resident, type Stage } from './cluster-people.js';
import { roomsAt, startCluster, type Cluster, type ClusterNode, type Servers } from './cluster.js';
import { seededRandom } from './random.js';
import { readRoster, readStoredRoom, type RoomReading } from './room-reading.js';
import { VisitBook } from './visits.js';

/** How long a seat is kept in these rooms, ms: longer than it takes to notice that a node is gone. */
export const GRACE_MS = 3_000;
const ROOMS = 16;
/** For what should come soon, and on a slow machine comes late. */
const PATIENCE_MS = 40_000;

/** A cluster with two residents in each of some rooms, and others who try to get in. */
export interface Scene {
  readonly cluster: Cluster;
  readonly stage: Stage;
  /** The home of all rooms, when all was well. */
  readonly home: ClusterNode;
  readonly residents: readonly Resident[];
  readonly intruders: readonly Intruder[];
  /** When it happened, by `performance.now()`. */
  happenedAt: number;
  /** Nodes that were killed or drained. */
  readonly dead: Set<ClusterNode>;
  /**
   * Resolves with true when each resident who is there has had a post answered that was sent after `since`; with false
   * after `ms`.
   */
  readonly postsFlow: (since: number, ms?: number) => Promise<boolean>;
}

/** Where the two of a room connect. */
export type Seating = (
  room: number,
  cluster: Cluster,
  home: ClusterNode,
) => readonly [ClusterNode, ClusterNode];

export interface Setting {
  readonly seed: number;
  /** Nodes that start at the same moment, so that they share the partitions. */
  readonly together?: number;
  /** Who is the home that something happens to, or is spared, given the homes. */
  readonly homes: (all: ReadonlyMap<number, ClusterNode>, cluster: Cluster) => ClusterNode[];
  readonly seating: Seating;
}

/** Starts a cluster, lets everybody in, and resolves when all of them post and others try to get in. */
export async function setScene(servers: Servers, setting: Setting): Promise<Scene> {
  const cluster = await startCluster(servers, { GRACE_MS: String(GRACE_MS) }, setting.together);
  try {
    return await fill(cluster, setting);
  } catch (cause) {
    await cluster.close();
    throw cause;
  }
}

async function fill(cluster: Cluster, { seed, homes: choose, seating }: Setting): Promise<Scene> {
  const homes = await cluster.homes();
  const wanted = choose(homes, cluster);
  const [home] = wanted;
  if (!home) throw new Error('no node is a home');
  const rooms = roomsAt(homes, wanted, ROOMS);
  const stage: Stage = {
    book: new Book(),
    visits: new VisitBook(),
    random: seededRandom(seed),
    phase: 'talk',
  };
  const residents = rooms.flatMap((room) => ['alice', 'bob'].map((user) => new Resident(stage, room, user)));
  const entered = await Promise.all(
    residents.map((resident, i) => {
      const [first, second] = seating(i >> 1, cluster, home);
      return resident.enter(i % 2 === 0 ? first : second);
    }),
  );
  if (entered.includes(false)) throw new Error('a resident was not let in');
  const intruders = cluster.nodes.flatMap((node) => rooms.map((room) => new Intruder(stage, node, room)));

  async function postsFlow(since: number, ms = PATIENCE_MS): Promise<boolean> {
    const end = performance.now() + ms;
    const isDone = ({ acks, isThere }: Resident): boolean =>
      !isThere || acks.some(({ sentAt }) => sentAt >= since);
    await until(() => residents.every(isDone) || performance.now() > end, {
      timeoutMs: ms * 2,
      what: 'posts to be answered',
    });
    return residents.every(isDone);
  }

  const scene = {
    cluster,
    stage,
    home,
    residents,
    intruders,
    happenedAt: 0,
    dead: new Set<ClusterNode>(),
    postsFlow,
  };
  if (!(await postsFlow(performance.now())))
    throw new Error('posts do not flow although nothing has happened');
  return scene;
}

/** What a run came to. */
export interface Ending {
  readonly history: History;
  /** What the checker has to say, and who could not be shown everything. */
  readonly faults: readonly string[];
}

/**
 * Watches for another `ms`, lets everybody post once more and then rest, reads what the store has, and ends all of it.
 */
export async function endScene(scene: Scene, ms: number): Promise<Ending> {
  const { cluster, stage, residents, intruders, dead, postsFlow } = scene;
  try {
    const from = performance.now();
    await until(() => performance.now() - from >= ms, { timeoutMs: ms * 2 + 1_000, what: 'time to pass' });
    const faults: string[] = [];
    if (!(await postsFlow(performance.now()))) {
      for (const resident of residents.filter(({ isThere }) => isThere))
        resident.cutOff = stuck(resident, from);
    }
    stage.phase = 'rest';
    await Promise.all(residents.map((resident) => resident.finish()));
    const living = cluster.nodes.filter((node) => !dead.has(node));
    const [reader] = living;
    if (!reader) throw new Error('no node lives');
    const rooms = await Promise.all(
      [...new Set(residents.map(({ room }) => room))].map((room) => read(reader, room)),
    );
    faults.push(...(await behind(residents, rooms)));
    const rosters = await Promise.all(
      living.flatMap((node) =>
        rooms.map(({ room }): Promise<Roster> => readRoster((path) => node.parlor.get(path), room.room_id)),
      ),
    );
    stage.phase = 'over';
    residents.forEach((resident) => resident.leave());
    const history = {
      attempts: stage.book.attempts,
      members: [...residents, ...intruders].map(({ record }) => record),
      rooms: rooms.map(({ room }) => room),
      visits: stage.visits.visits,
      kicks: [],
      rosters,
    };
    return { history, faults: [...faults, ...check(history).map(sentence)] };
  } finally {
    stage.phase = 'over';
    const left = intruders.map((intruder) => intruder.leave());
    await cluster.close();
    await Promise.all(left);
  }
}

function read({ parlor }: ClusterNode, room: string): Promise<RoomReading> {
  return readStoredRoom((path) => parlor.get(path), room, GRACE_MS);
}

function stuck({ acks }: Resident, since: number): string | null {
  return acks.some(({ sentAt }) => sentAt >= since) ? null : 'no post was answered any more';
}

/** Residents who were not shown all that is stored, although they are connected and had time. */
async function behind(residents: readonly Resident[], rooms: readonly RoomReading[]): Promise<string[]> {
  const heads = new Map(rooms.map(({ room }) => [room.room_id, room.head_seq]));
  const late = (): Resident[] =>
    residents.filter(({ isThere, seen, room }) => isThere && seen < (heads.get(room) ?? 0));
  const end = performance.now() + PATIENCE_MS / 4;
  await until(() => late().length === 0 || performance.now() > end, {
    timeoutMs: PATIENCE_MS,
    what: 'all messages to be shown',
  });
  return late().map(({ record, seen, room }) => `${record.name} has seen ${seen} of ${heads.get(room)}`);
}
