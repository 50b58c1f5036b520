import { connect } from 'amqplib';
import type { History, Room, Roster } from '../../checker/history.js';
import { PARTITIONS, type Cluster, type Servers } from '../support/cluster.js';
import { commandsQueued } from '../support/cluster-homes.js';
import { hasCaughtUp, type Arena, type Person } from '../support/kill-people.js';
import { readRoster, readStoredRoom } from '../support/room-reading.js';
import { until } from '../../support/until.js';
import { ROOMS, type Crowd } from './crowd.js';

/** A dead letter, as far as it can be read. */
export interface DeadLetter {
  readonly id: string | null;
  readonly reason: string;
  readonly detail: string;
}

export interface Rest extends Pick<History, 'rosters' | 'rooms'> {
  /** What is not as it should be when all is healed and nobody does anything any more. */
  readonly faults: readonly string[];
  readonly dead: readonly DeadLetter[];
}

interface World {
  readonly cluster: Cluster;
  readonly servers: Servers;
  readonly arena: Arena;
  readonly crowd: Crowd;
  readonly graceMs: number;
  /** How long each thing is waited for, ms. */
  readonly patienceMs: number;
}

/**
 * When everything is healed: every partition has a home, everybody can post, what was queued is carried out, everybody has
 * been shown everything, and the members are those who are connected. Then reads what is stored.
 */
export async function comeToRest(world: World): Promise<Rest> {
  const { cluster, servers, arena, crowd, graceMs, patienceMs } = world;
  const faults: string[] = [];
  /** What does not come true is a fault; what cannot be asked may be asked later. */
  const insist = async (what: () => string, condition: () => boolean | Promise<boolean>): Promise<void> => {
    let failure = '';
    const asked = async (): Promise<boolean> => {
      try {
        failure = '';
        return await condition();
      } catch (cause) {
        failure = ` (${String(cause)})`;
        return false;
      }
    };
    const options = { timeoutMs: patienceMs, intervalMs: 100, what: () => `${what()}${failure}` };
    await until(asked, options).catch((cause: unknown) => faults.push(String(cause)));
  };
  const [first] = cluster.nodes;
  if (!first) throw new Error('there is no node');
  const { residents, sleepers, intruders } = crowd;
  const stayers = [...residents, ...sleepers];

  // Not the preferred one: a node notices that it is the home where another should be when it is sent a command there.
  let homes = 0;
  await insist(
    () => `every partition to have a home, as ${homes} of ${PARTITIONS} have`,
    async () => (homes = (await cluster.homes()).size) === PARTITIONS,
  );
  const from = arena.book.attempts.length;
  let silent = residents;
  await insist(
    () => `posts of ${namesOf(silent)} to be answered`,
    () => (silent = silent.filter((one) => !hasPosted(arena, one, from))).length === 0,
  );
  arena.phase = 'finish';
  await Promise.all([crowd.services, ...intruders.map(({ gone }) => gone)]);
  await insist(
    () => 'the last answers',
    () => arena.book.inFlight === 0,
  );
  let queued = '';
  await insist(
    () => `the queues of commands to be empty: ${queued}`,
    async () => {
      const all = await commandsQueued(servers.rabbit, cluster.url);
      queued = [...all].map(([name, count]) => `${name} has ${count}`).join(', ');
      return all.size === 0;
    },
  );
  const rooms: Room[] = [];
  await insist(
    () => 'the rooms to be read',
    async () => {
      for (const room of ROOMS.slice(rooms.length))
        rooms.push((await readStoredRoom((path) => first.parlor.get(path), room, graceMs)).room);
      return true;
    },
  );
  const heads = new Map(rooms.map(({ room_id, head_seq }) => [room_id, head_seq]));
  let late = stayers;
  await insist(
    () => `everything to be shown to ${namesOf(late)}`,
    () => (late = late.filter((one) => !hasCaughtUp(one, heads.get(one.record.room_id) ?? 0))).length === 0,
  );
  let rosters: Roster[] = [];
  let wrong: string[] = [];
  await insist(
    () => `the members to be those who are connected: ${wrong.slice(0, 5).join('; ')}`,
    async () => {
      rosters = await rostersOf(cluster);
      return (wrong = wrongRosters(rosters, stayers)).length === 0;
    },
  );
  const dead = await deadLetters(cluster.url);
  return { faults, rosters, rooms, dead };
}

function hasPosted({ book }: Arena, { record }: Person, from: number): boolean {
  return book.attempts
    .slice(from)
    .some(
      ({ room_id, user, answer }) =>
        room_id === record.room_id && user === record.name && answer.type === 'posted',
    );
}

async function rostersOf({ nodes }: Cluster): Promise<Roster[]> {
  return Promise.all(
    nodes.flatMap(({ parlor }) => ROOMS.map((room) => readRoster((path) => parlor.get(path), room))),
  );
}

function wrongRosters(rosters: readonly Roster[], stayers: readonly Person[]): string[] {
  return rosters.flatMap(({ room_id, members }) => {
    const here = stayers.filter((one) => one.record.room_id === room_id && one.isThere);
    const connected = here.map(({ record }) => record.name).sort();
    const listed = [...members].sort();
    return String(listed) === String(connected)
      ? []
      : [`${room_id}: members ${listed.join()}, connected ${connected.join()}`];
  });
}

async function deadLetters(url: string): Promise<DeadLetter[]> {
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    const letters: DeadLetter[] = [];
    for (;;) {
      const message = await channel.get('parlor.dead', { noAck: true });
      if (!message) return letters;
      const headers = message.properties.headers ?? {};
      const [reason, detail] = [headers['x-parlor-reason'], headers['x-parlor-detail']].map(String);
      letters.push(
        ...idsIn(message.content).map((id) => ({ id, reason: reason ?? '', detail: detail ?? '' })),
      );
    }
  } finally {
    await connection.close();
  }
}

/** The ids of the posts in a message; null for anything else in it. */
function idsIn(body: Buffer): (string | null)[] {
  const parsed: unknown = JSON.parse(body.toString());
  const commands = (Array.isArray(parsed) ? parsed : [parsed]) as {
    readonly type?: string;
    readonly id?: string;
  }[];
  return commands.map(({ type, id }) => (type === 'post' && id !== undefined ? id : null));
}

function namesOf(people: readonly Person[]): string {
  const names = people.slice(0, 5).map(({ record }) => `${record.name} in ${record.room_id}`);
  return people.length > 5 ? `${names.join(', ')} and ${people.length - 5} more` : names.join(', ');
}
