import t from 'tap';
import { WebSocket } from 'ws';
import { connect, type Connection, type Room } from '../../api/client/index.js';
import { check } from '../checker/check.js';
import type { Attempt, Entry, History } from '../checker/history.js';
import { startParlor, type Parlor } from '../support/parlor.js';
import { seededRandom } from '../support/random.js';
import { JWT_ENV, inSeconds, token } from '../support/tokens.js';
import { until } from '../support/until.js';
import { MISHAPS, startBadLink, type BadLink } from './support/bad-link.js';
import { readStoredRoom } from './support/room-reading.js';

t.setTimeout(280_000);
const MISHAPS_EACH = Number(process.env['MISHAPS'] ?? 200);
const SEED = Number(process.env['SEED'] ?? Date.now());
const ROOMS = ['group:a', 'group:b', 'group:c'];
const USERS = ['alice', 'bob', 'carol'];
const RIGHTS = [{ room: '*', may: ['join', 'post', 'read'] }];
/** Tokens live for so long, s: over a run each user has a dozen. */
const TOKEN_S = 5;

/** Everything that a real network needs seconds for, within a fraction of one. */
const QUICK = {
  heartbeatMs: 800,
  pongTimeoutMs: 700,
  connectTimeoutMs: 1_000,
  requestTimeoutMs: 1_000,
  minBackoffMs: 10,
  maxBackoffMs: 200,
  outboxLimit: 100_000,
  WebSocket,
};

const ENV = {
  ...JWT_ENV,
  PING_S: '1',
  SILENCE_S: '8',
  // So that long cuts are caught up from the log, too.
  RECOVERY_LIMIT: '25',
  CONNECTIONS_PER_USER: '0',
  CONNECTIONS_PER_ADDRESS: '0',
  JOINS_PER_ADDRESS: '0',
};

interface Person {
  readonly name: string;
  readonly connection: Connection;
  readonly rooms: readonly Room[];
  readonly heads: Map<string, number>;
  readonly entries: Map<string, Entry[]>;
  readonly gaps: unknown[];
}

async function enter(
  http: string,
  name: string,
  via: 'websocket' | 'sse',
  random: () => number,
): Promise<Person> {
  const connection = connect(http, {
    ...QUICK,
    transports: [via],
    getToken() {
      // The issuer has bad moments, too: then a token expires before there is a new one.
      if (random() < 0.2) throw new Error('the issuer is busy');
      return token({ sub: name, rooms: RIGHTS, exp: inSeconds(TOKEN_S) });
    },
  });
  const rooms = ROOMS.map((id) => connection.room(id));
  const person: Person = { name, connection, rooms, heads: new Map(), entries: new Map(), gaps: [] };
  for (const room of rooms) {
    const entries: Entry[] = [];
    person.entries.set(room.id, entries);
    room.on('message', ({ id, seq, user, text }) =>
      entries.push({ seq, type: 'message_posted', message: { id, user, text } }),
    );
    room.on('fact', ({ type, seq }) => entries.push({ seq, type, message: null }));
    room.on('gap', (gap) => person.gaps.push(gap));
    room.on('status', () => {
      if (room.seq !== null && !person.heads.has(room.id)) person.heads.set(room.id, room.seq);
    });
    room.join();
  }
  await until(() => rooms.every(({ status, seq }) => status === 'joined' && seq !== null), {
    what: `${name} to be let in`,
  });
  for (const room of rooms) person.heads.set(room.id, person.heads.get(room.id) ?? room.seq ?? 0);
  return person;
}

/** Everybody talks until `isOver`; returns every post with its answer, when all have one. */
async function talk(
  people: readonly Person[],
  isOver: () => boolean,
  random: () => number,
): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  const answers: Promise<unknown>[] = [];
  for (let n = 0; !isOver(); n++) {
    const person = people[n % people.length] as Person;
    const room = person.rooms[Math.floor(random() * ROOMS.length)] as Room;
    const id = crypto.randomUUID();
    const attempt: Attempt = {
      connection: person.name,
      room_id: room.id,
      id,
      user: person.name,
      text: `${person.name} ${n}`,
      sent_at: performance.now(),
      answer: { type: 'none' },
    };
    attempts.push(attempt);
    answers.push(
      room.post(attempt.text, { id }).then(({ seq }) => {
        if (seq === null) throw new Error('nothing is queued in one process');
        attempt.answer = { type: 'posted', seq };
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  await Promise.all(answers);
  return attempts;
}

/** Something bad every few hundred ms. */
async function misfortune(link: BadLink, random: () => number): Promise<void> {
  for (let n = 0; n < MISHAPS_EACH; n++) {
    await new Promise((resolve) => setTimeout(resolve, 50 + random() * 300));
    const mishap = MISHAPS[Math.floor(random() * MISHAPS.length)] ?? 'cut';
    link.befall(mishap, random() * 1_200);
  }
}

async function historyOf(parlor: Parlor, people: readonly Person[], attempts: Attempt[]): Promise<History> {
  const headers = { authorization: `Bearer ${await token({ sub: 'auditor', scope: 'service' })}` };
  const read = (path: string) => parlor.send('GET', path, undefined, headers);
  const readings = await Promise.all(ROOMS.map((id) => readStoredRoom(read, id)));
  const members = people.flatMap(({ name, heads, entries }) =>
    ROOMS.map((room_id) => ({
      room_id,
      name,
      sessions: [
        {
          since: null,
          head_seq: heads.get(room_id) ?? 0,
          recovered: null,
          entries: entries.get(room_id) ?? [],
        },
      ],
      stayed: true,
    })),
  );
  const rooms = readings.map(({ room }) => room);
  return { attempts, members, rooms, visits: [], kicks: [], rosters: [], unsettled: [] };
}

for (const via of ['websocket', 'sse'] as const)
  t.test(`nothing is lost, doubled or out of order over bad links and expiring tokens: ${via}`, async (t) => {
    t.comment(`SEED=${SEED}`);
    const random = seededRandom(SEED);
    const parlor = await startParlor(ENV);
    t.teardown(() => parlor.end());
    const link = await startBadLink(parlor.port);
    t.teardown(() => link.close());
    const http = `http://127.0.0.1:${link.port}`;
    const people = await Promise.all(USERS.map((name) => enter(http, name, via, random)));
    for (const { connection } of people) t.teardown(() => connection.close());
    let isOver = false;
    const [attempts] = await Promise.all([
      talk(people, () => isOver, random),
      misfortune(link, random).then(() => (isOver = true)),
    ]);
    const history = await historyOf(parlor, people, attempts);
    const heads = new Map(history.rooms.map(({ room_id, head_seq }) => [room_id, head_seq]));
    const hasAll = ({ rooms, connection }: Person): boolean =>
      connection.transport === via && rooms.every(({ id, seq }) => seq === heads.get(id));
    await until(() => people.every(hasAll), { timeoutMs: 20_000, what: 'everybody to have everything' });
    t.same(check(history).slice(0, 20), []);
    t.same(
      people.map(({ gaps }) => gaps),
      [[], [], []],
    );
    t.ok(people.every(({ rooms }) => rooms.every(({ outgoing }) => outgoing.length === 0)));
    t.ok(attempts.length > MISHAPS_EACH * 5, `${attempts.length} posts`);
  });
