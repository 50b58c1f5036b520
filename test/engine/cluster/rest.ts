import type { Cluster } from '../cluster.js';
import { isQuiet } from './guard.js';
import type { Seen } from './seen.js';

/** A room that crashed too often is down for 30 s, then those who belong into it are asked. */
const DOWN_MS = 40_000;
/** In a minute in which nothing happens, this much may be carried; each thing that is repeated is sixty. */
const STRAY = 6;
/** Timers of a node in which nothing happens: retention, and for each room or audience one that waits to forget it. */
const TIMERS = { node: 2, room: 2 };

const sorted = (users: Iterable<string>): string => [...new Set(users)].sort().join(', ') || 'nobody';

/** All troubles end, and the time of every lease and grace passes. Then what everybody knows must be the same, and true. */
export async function rest(cluster: Cluster, rooms: readonly string[]): Promise<void> {
  await calm(cluster);
  const grace = Math.max(...rooms.map((room) => cluster.presetOf(room).grace_ms));
  const { leaseMs, giveUpMs, replyTimeoutMs } = cluster.timing;
  await cluster.pass(leaseMs + giveUpMs + replyTimeoutMs + grace + DOWN_MS);
  for (const room of rooms) {
    delivered(cluster, room);
    // Before anybody asks the room for anything.
    rosters(cluster, room, 'before it is asked anything');
  }
  for (const room of rooms) await cluster.members(room);
  await cluster.pass(grace + leaseMs);
  let seats = 0;
  let inUse = 0;
  for (const room of rooms) {
    const users = usersIn(cluster, room);
    const members = await cluster.members(room);
    if (sorted(members ?? []) !== sorted(users))
      cluster.guard.fault(
        `${sorted(users)} are connected in ${room}, and its members are ${sorted(members ?? [])}`,
      );
    rosters(cluster, room, 'at rest');
    delivered(cluster, room);
    if (users.length > 0) await isOpen(cluster, room);
    seats += new Set(users).size;
    if (users.length > 0) inUse++;
  }
  if (cluster.seats !== seats)
    cluster.guard.fault(`${cluster.seats} seats are counted, and ${seats} are taken`);
  await silence(cluster, inUse);
  await asleep(cluster, rooms, inUse);
  cluster.check();
}

async function calm(cluster: Cluster): Promise<void> {
  for (const [at, node] of cluster.nodes.entries()) {
    node.gate.fault = 'none';
    node.gate.delay = 0;
    node.endpoint.delays = {};
    await cluster.goOn(at);
    cluster.mend(at);
  }
  if (!cluster.nodes.some(({ isAlive }) => isAlive)) await cluster.restart(0);
}

function openIn(cluster: Cluster, room: string): Seen[] {
  return cluster.guard.inRoom(room);
}

function usersIn(cluster: Cluster, room: string): string[] {
  return openIn(cluster, room).map(({ user }) => user);
}

/** A room in which somebody is has not closed by itself. */
async function isOpen(cluster: Cluster, room: string): Promise<void> {
  const record = await cluster.store.load(room);
  if (record?.status !== 'open') cluster.guard.fault(`${room} is in use, and ${record?.status ?? 'unknown'}`);
}

function rosters(cluster: Cluster, room: string, when: string): void {
  const users = sorted(usersIn(cluster, room));
  for (const one of openIn(cluster, room))
    if (sorted(one.roster) !== users)
      cluster.guard.fault(
        `${one.user} in ${room} believes in ${sorted(one.roster)} ${when}, and ${users} are there`,
      );
}

function delivered(cluster: Cluster, room: string): void {
  const log = cluster.guard.eventsOf(room);
  for (const one of openIn(cluster, room)) {
    if (one.welcomedAt === null) cluster.guard.fault(`${one.user} waits in ${room} for ever`);
    else if (cluster.guard.isPutOut(one))
      cluster.guard.fault(`${one.user} was put out of ${room}, and is connected`);
    else if (log.slice(one.last).some((event) => !isQuiet(event)))
      cluster.guard.fault(
        `${one.user} in ${room} has nothing after ${one.last}, and ${log.length} is the last`,
      );
  }
}

/** Nothing is repeated for ever, and nothing is left undone. */
async function silence(cluster: Cluster, inUse: number): Promise<void> {
  const { network, clock, guard } = cluster;
  const before = new Map(network.carried);
  const traffic = network.traffic;
  await cluster.pass(60_000);
  if (network.traffic - traffic > STRAY) {
    const what = [...network.carried].filter(([name, count]) => count > (before.get(name) ?? 0));
    guard.fault(
      `in a minute of silence was carried: ${what.map(([name, n]) => `${n - (before.get(name) ?? 0)} ${name}`).join(', ')}`,
    );
  }
  const living = cluster.nodes.filter(({ isAlive }) => isAlive);
  const timers = living.length * TIMERS.node + inUse * living.length * TIMERS.room;
  if (clock.pending > timers) guard.fault(`${clock.pending} timers at rest`);
  for (const partition of network.partitions)
    if (partition.depth > 0) guard.fault(`${partition.depth} commands are never dealt with`);
  for (const { endpoint, counts, unanswered } of living) {
    if (unanswered !== 0) guard.fault(`${unanswered} askers are not answered exactly once`);
    if (endpoint.requests.pending > 0)
      guard.fault(`${endpoint.requests.pending} requests are never answered`);
    for (const [name, count] of counts)
      if (name.startsWith('crashed') && name !== 'crashed room') guard.fault(`${name}: ${count}`);
  }
}

/** Rooms in which nobody is are forgotten, and closed where their policy says so. */
async function asleep(cluster: Cluster, rooms: readonly string[], inUse: number): Promise<void> {
  await cluster.pass(Math.max(...rooms.map((room) => cluster.presetOf(room).idle_ms)) + 1_000);
  if (cluster.rooms !== inUse) cluster.guard.fault(`${cluster.rooms} rooms are awake, and ${inUse} in use`);
  for (const room of rooms) {
    if (usersIn(cluster, room).length > 0 || cluster.presetOf(room).deletion !== 'when_empty') continue;
    const record = await cluster.store.load(room);
    const closed = cluster.guard.eventsOf(room).findLast(({ type }) => type === 'room_closed')?.seq ?? 0;
    const hadMembers = [...cluster.guard.seen.values()].some(
      (one) => one.room === room && one.welcomedAt !== null && one.welcomedAt >= closed,
    );
    if (record?.status === 'open' && hadMembers)
      cluster.guard.fault(`everybody has left ${room}, and it is open`);
  }
}
