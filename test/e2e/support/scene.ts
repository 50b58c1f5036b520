import { check } from '../../checker/check.js';
import type { History } from '../../checker/history.js';
import { sentence } from '../../checker/violations.js';
import { until } from '../../support/until.js';
import { Book } from './book.js';
import { seededRandom } from '../../support/random.js';
import type { Door } from './door.js';
import { Intruder, Resident, type Stage } from './residents.js';
import { readRoster, readStoredRoom, type RoomReading } from './room-reading.js';
import { VisitBook } from './visits.js';

export interface Plan {
  /** Where people may connect; others try to get in at each. */
  readonly doors: readonly Door[];
  /** Rooms of two. */
  readonly rooms: readonly string[];
  /** Those rooms that others try to get into; left out: all. */
  readonly wanted?: readonly string[];
  /** Where alice and bob of a room connect, by the room's place in the list. */
  readonly seating: (room: number) => readonly [Door, Door];
  /** How long a seat is kept, ms. */
  readonly graceMs: number;
  /** Pause between two posts of one resident, ms. */
  readonly postEveryMs: number;
  readonly seed: number;
}

/** Rooms with two residents in each who post, and others who try to get in all the time. */
export interface Scene extends Plan {
  readonly stage: Stage;
  readonly residents: readonly Resident[];
  readonly intruders: readonly Intruder[];
  /** When it happened, by `performance.now()`. */
  happenedAt: number;
  /** Where nobody can connect any more. */
  readonly dead: Set<Door>;
  /**
   * Resolves with true when each resident who is there has had a post answered that was sent after `since`; with false
   * after `ms`.
   */
  readonly postsFlow: (since: number, ms?: number) => Promise<boolean>;
}

/** For what should come soon, and on a slow machine comes late. */
const PATIENCE_MS = 40_000;

/** Lets everybody in; resolves when all residents post. */
export async function populate(plan: Plan): Promise<Scene> {
  const { doors, rooms, wanted = rooms, seating, postEveryMs, seed } = plan;
  const stage: Stage = {
    book: new Book(),
    visits: new VisitBook(),
    random: seededRandom(seed),
    postEveryMs,
    phase: 'talk',
  };
  const residents = rooms.flatMap((room) => ['alice', 'bob'].map((user) => new Resident(stage, room, user)));
  const entered = await Promise.all(
    residents.map((resident, i) => {
      const [first, second] = seating(i >> 1);
      return resident.enter(i % 2 === 0 ? first : second);
    }),
  );
  if (entered.includes(false)) throw new Error('a resident was not let in');
  const intruders = doors.flatMap((door) => wanted.map((room) => new Intruder(stage, door, room)));

  async function postsFlow(since: number, ms = PATIENCE_MS): Promise<boolean> {
    const end = performance.now() + ms;
    const flow = (): boolean => residents.every((one) => !one.isThere || one.hasPostedSince(since));
    await until(() => flow() || performance.now() > end, {
      timeoutMs: ms * 2,
      what: 'posts to be answered',
    });
    return flow();
  }

  const scene = { ...plan, stage, residents, intruders, happenedAt: 0, dead: new Set<Door>(), postsFlow };
  if (!(await postsFlow(performance.now())))
    throw new Error('posts are not answered, and nothing has happened');
  return scene;
}

/** What a scene came to. */
export interface Ending {
  readonly history: History;
  /** What the checker has to say, and who could not be shown everything. */
  readonly faults: readonly string[];
}

/**
 * Watches for another `ms`, lets everybody post once more and then rest, and reads what the store has. Then everybody
 * goes; `close` ends the program where somebody may still be waiting to be let in.
 */
export async function endScene(scene: Scene, ms: number, close: () => Promise<unknown>): Promise<Ending> {
  const { stage, residents, intruders } = scene;
  try {
    const from = performance.now();
    await until(() => performance.now() - from >= ms, { timeoutMs: ms * 2 + 1_000, what: 'time to pass' });
    if (!(await scene.postsFlow(performance.now()))) {
      for (const resident of residents.filter((one) => one.isThere && !one.hasPostedSince(from)))
        resident.cutOff = 'no post was answered any more';
    }
    stage.phase = 'rest';
    await Promise.all(residents.map((resident) => resident.finish()));
    const { rooms, rosters } = await read(scene);
    const late = await behind(residents, rooms);
    stage.phase = 'over';
    residents.forEach((resident) => resident.leave());
    const history = {
      attempts: stage.book.attempts,
      members: [...residents, ...intruders].map(({ record }) => record),
      rooms: rooms.map(({ room }) => room),
      visits: stage.visits.visits,
      kicks: [],
      rosters,
      unsettled: [],
    };
    return { history, faults: [...late, ...check(history).map(sentence)] };
  } finally {
    stage.phase = 'over';
    const left = intruders.map((intruder) => intruder.leave());
    await close();
    await Promise.all(left);
  }
}

/** What the store has, and who is a member as each node says. */
async function read(scene: Scene): Promise<Pick<History, 'rosters'> & { rooms: RoomReading[] }> {
  const living = scene.doors.filter((door) => !scene.dead.has(door));
  const [first] = living;
  if (!first) throw new Error('no node lives');
  const get = ({ parlor }: Door, path: string): Promise<Response> => parlor.get(path);
  const rooms = scene.rooms.map((room) => readStoredRoom((path) => get(first, path), room, scene.graceMs));
  const rosters = living.flatMap((door) =>
    scene.rooms.map((room) => readRoster((path) => get(door, path), room)),
  );
  return { rooms: await Promise.all(rooms), rosters: await Promise.all(rosters) };
}

/** Residents who were not shown all that is stored, although they are there and had time. */
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
