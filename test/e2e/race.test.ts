import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { BROKERS } from '../support/matrix.js';
import { startParlor, type Client, type Parlor } from '../support/parlor.js';
import { attempt, oneTo, readRoom } from './support/chat.js';
import { untilMetric } from './support/metrics.js';

const ROOMS = 50;
const RACERS = 4;
const RUNS = 20;
const CAPACITIES = [1, 2, 3, 5];

interface Contest {
  readonly room: string;
  readonly capacity: number;
}

interface Racer {
  readonly user: string;
  readonly client: Client;
  readonly outcome: string;
}

for (const broker of BROKERS) {
  t.test(`200 users race for the last seat of 50 rooms, with the ${broker.name} broker`, async (t) => {
    const parlor = await startParlor({ GRACE_MS: '0', ...(await broker.env()) });
    t.teardown(() => parlor.end());
    const contests: Contest[] = oneTo(ROOMS).map((n) => ({
      room: `race-${n}`,
      capacity: CAPACITIES[n % CAPACITIES.length] ?? 2,
    }));
    let seats = 0;
    for (const { room, capacity } of contests) {
      await parlor.send('PUT', `/api/rooms/${room}`, { capacity });
      for (const n of oneTo(capacity - 1)) await parlor.join(room, `user=holder-${n}`);
      seats += capacity - 1;
    }
    for (const run of oneTo(RUNS)) {
      const entrants = await race(parlor, contests, run);
      const winners: Client[] = [];
      const faults: string[] = [];
      for (const [i, { room, capacity }] of contests.entries()) {
        const racers = entrants.slice(i * RACERS, (i + 1) * RACERS);
        const winner = racers.find(({ outcome }) => outcome === 'welcome');
        const outcomes = racers.map(({ outcome }) => outcome).sort();
        const expected = [...oneTo(RACERS - 1).map(() => 'room_full 4409'), 'welcome'];
        if (String(outcomes) !== String(expected)) faults.push(`${room}: ${outcomes.join(', ')}`);
        const { members } = await readRoom(parlor, room);
        const rightful = [...oneTo(capacity - 1).map((n) => `holder-${n}`), String(winner?.user)];
        if (String([...members].sort()) !== String(rightful.sort()))
          faults.push(`${room}: ${members.join(', ')}`);
        if (winner) winners.push(winner.client);
      }
      t.same(faults, [], `run ${run}: one winner a room, the others refused, the members as they should be`);
      await Promise.all(winners.map((client) => client.close()));
      await untilMetric(parlor, 'parlor_seats', seats);
    }
  });
}

/** All racers of all rooms, each over a connection that stands already: the requests leave in one turn. */
async function race(parlor: Parlor, contests: readonly Contest[], run: number): Promise<Racer[]> {
  const sockets = await Promise.all(contests.flatMap(() => oneTo(RACERS)).map(() => connected(parlor.port)));
  return Promise.all(
    sockets.map(async (socket, i) => {
      const room = contests[Math.floor(i / RACERS)]?.room ?? '';
      const user = `racer-${run}-${i % RACERS}`;
      const client = parlor.open(room, `user=${user}`, { createConnection: () => socket });
      return { user, client, outcome: await attempt(client) };
    }),
  );
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}
