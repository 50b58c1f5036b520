import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { checkPresence } from '../checker/presence.js';
import type { Member, Room } from '../checker/history.js';
import { sentence } from '../checker/violations.js';
import { seededRandom } from '../support/random.js';
import { until } from '../support/until.js';
import { Book } from './support/book.js';
import { attempt, oneTo, readRoom } from './support/chat.js';
import { roomsAt, startCluster, startServers, type Cluster, type ClusterNode } from './support/cluster.js';
import type { Door } from './support/door.js';
import { openLine, type Line } from './support/line.js';
import { VisitBook } from './support/visits.js';
import { between } from './support/words.js';

const ROOMS = 50;
const RACERS = 4;
const RUNS = Number(process.env.RUNS ?? 1);
const CAPACITIES = [1, 2, 3, 5];
const PATIENCE = { timeoutMs: 60_000 };

t.setTimeout(120_000 + RUNS * 60_000);

interface Contest {
  readonly room: string;
  readonly capacity: number;
}

/** Somebody who wants a seat, and has it or was told that there is none. */
interface Outcome {
  readonly user: string;
  readonly room: string;
  readonly line: Line | null;
}

t.test('200 users on three nodes race for the last seat of 50 rooms', async (t) => {
  const servers = await startServers();
  t.teardown(() => servers.close());
  const cluster = await startCluster(servers, { GRACE_MS: '0' });
  t.teardown(() => cluster.close());
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.comment(`seed ${seed}`);
  const random = seededRandom(seed);

  await t.test('one gets it in each room, and nobody is let in beyond the capacity', async (t) => {
    const { home, others } = await homeOf(cluster);
    const contests = await prepare(cluster, [home], 'calm', others);
    for (const run of oneTo(RUNS)) {
      const race = new Race(contests);
      const outcomes = await race.run(cluster.nodes, `${run}`);
      const wrong = contests.flatMap(({ room }) => {
        const winners = outcomes.filter((one) => one.room === room && one.line !== null);
        return winners.length === 1 ? [] : [`${room}: ${winners.length} winners`];
      });
      t.same(wrong, [], `run ${run}: one winner in each room`);
      await race.judge(t, cluster.nodes, outcomes);
    }
  });

  await t.test('the home is killed in the middle of it: nobody is let in beyond the capacity', async (t) => {
    for (const run of oneTo(RUNS)) {
      const { home, others } = await homeOf(cluster);
      const contests = await prepare(cluster, [home], `killed-${run}-`, others);
      const race = new Race(contests);
      const racing = race.run(cluster.nodes, `${run}`);
      await race.hasSeated(between(random, 0, ROOMS));
      race.losesNode(home);
      await home.parlor.end('SIGKILL');
      const outcomes = await racing;
      await race.judge(t, others, outcomes);
      await home.restart();
      await cluster.settled(cluster.nodes.length);
    }
  });
});

async function homeOf(cluster: Cluster): Promise<{ home: ClusterNode; others: ClusterNode[] }> {
  const [home] = (await cluster.homes()).values();
  if (!home) throw new Error('no node is a home');
  return { home, others: cluster.others(home) };
}

/** Rooms whose home is one of these nodes; all their seats but one are taken, by users on the other nodes. */
async function prepare(
  cluster: Cluster,
  wanted: readonly ClusterNode[],
  prefix: string,
  seated: readonly ClusterNode[],
): Promise<Contest[]> {
  const rooms = roomsAt(await cluster.homes(), wanted, [`race-${prefix}`], ROOMS);
  return Promise.all(
    rooms.map(async (room, n) => {
      const capacity = CAPACITIES[n % CAPACITIES.length] ?? 2;
      const [first] = seated;
      const answer = await first?.parlor.send('PUT', `/api/rooms/${room}`, { capacity });
      if (answer?.status !== 201) throw new Error(`${room} was not opened: ${answer?.status}`);
      for (const i of oneTo(capacity - 1))
        await seated[i % seated.length]?.parlor.join(room, `user=holder-${i}`);
      return { room, capacity };
    }),
  );
}

/** One race, and what was seen of it. */
class Race {
  private readonly visits = new VisitBook();
  private readonly book = new Book();
  private readonly lines = new Map<Line, Door>();
  private wake: () => void = () => undefined;

  constructor(private readonly contests: readonly Contest[]) {}

  /** Everybody at once; resolves when each has a seat or was told that the room is full. */
  async run(doors: readonly Door[], name: string): Promise<Outcome[]> {
    return Promise.all(
      this.contests.flatMap(({ room }, i) =>
        oneTo(RACERS).map((n) => this.insist(doors, i + n, room, `racer-${name}-${n}`)),
      ),
    );
  }

  /** A node that does not answer is left for the next one, as a client does. */
  private async insist(doors: readonly Door[], first: number, room: string, user: string): Promise<Outcome> {
    const member: Member = { room_id: room, name: user, sessions: [], stayed: false };
    let reason = 'no answer';
    for (let turn = first; reason !== 'room_full'; turn++) {
      const door = doors[turn % doors.length];
      if (!door) throw new Error('there is no door');
      const line = await openLine(member, user, {
        door,
        name: `${user}/${turn}`,
        book: this.book,
        visits: this.visits,
        answered: () => undefined,
        turnedAway: (code) => (reason = code),
        patienceMs: 5_000,
      });
      if (line) {
        this.lines.set(line, door);
        this.wake();
        return { user, room, line };
      }
      if (reason !== 'room_full') await pause(20);
    }
    return { user, room, line: null };
  }

  /** Resolves when so many racers have got a seat. Each room has one free. */
  async hasSeated(count: number): Promise<void> {
    while (this.lines.size < count) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  /** To be called right before a node is killed. */
  losesNode(node: Door): void {
    for (const [line, door] of this.lines) if (door === node) line.stands();
  }

  /** Whoever is connected is a member and nobody else is; one more gets in if there is a seat; never were there too many. */
  async judge(t: Test, living: readonly ClusterNode[], outcomes: readonly Outcome[]): Promise<void> {
    const [first, second] = living;
    if (!first || !second) throw new Error('two nodes live');
    const here = (room: string): string[] =>
      outcomes.filter((one) => one.room === room && one.line?.isOpen === true).map(({ user }) => user);
    const expected = ({ room, capacity }: Contest): string[] =>
      [...oneTo(capacity - 1).map((n) => `holder-${n}`), ...here(room)].sort();
    let wrong: string[] = [];
    const areMembers = async (): Promise<boolean> => {
      const all = this.contests.map(async (contest) => {
        const members = [...(await readRoom(first.parlor, contest.room)).members].sort();
        const wanted = expected(contest);
        return String(members) === String(wanted)
          ? []
          : [`${contest.room}: ${members.join()}, not ${wanted.join()}`];
      });
      return (wrong = (await Promise.all(all)).flat()).length === 0;
    };
    await until(areMembers, { ...PATIENCE, what: () => `the members to be right: ${wrong.join('; ')}` });
    const late = this.contests.map(async ({ room, capacity }) => {
      const client = second.parlor.open(room, 'user=late');
      const outcome = await attempt(client);
      if (outcome === 'welcome') await client.close();
      const isFree = capacity - 1 + here(room).length < capacity;
      return outcome === (isFree ? 'welcome' : 'room_full 4409') ? [] : [`${room}: ${outcome}`];
    });
    t.same((await Promise.all(late)).flat(), [], 'one more gets in where there is a seat, and only there');
    const won = outcomes.filter(({ line }) => line?.isOpen === true).length;
    for (const { line } of outcomes) line?.drop();
    t.same(this.violations(), [], 'never were there more users in a room than it has seats');
    t.comment(`${this.visits.visits.length} attempts of ${outcomes.length} users, ${won} have a seat`);
    await until(async () => (await this.seatsTaken(first)) === 0, {
      ...PATIENCE,
      what: 'the seats to be free',
    });
  }

  private violations(): string[] {
    const rooms = this.contests.map(
      // One seat is in the race: the others are held all the time.
      ({ room }): Room => ({
        ...{ room_id: room, head_seq: 0, entries: [], capacity: 1, post: 'anyone', grace_ms: 0 },
      }),
    );
    const { visits } = this.visits;
    const seen = { attempts: [], members: [], rooms, visits, kicks: [], rosters: [], unsettled: [] };
    return checkPresence(seen)
      .filter(({ kind }) => kind === 'over_capacity')
      .map(sentence);
  }

  private async seatsTaken({ parlor }: ClusterNode): Promise<number> {
    const rooms = await Promise.all(this.contests.map(({ room }) => readRoom(parlor, room)));
    return rooms.flatMap(({ members }) => members).filter((user) => user.startsWith('racer')).length;
  }
}
