import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { BROKERS, type BrokerUnderTest } from '../support/matrix.js';
import { startParlor, type Client, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { attempt, oneTo, problemOf, readRoom, seqs, texts } from './support/chat.js';
import { metrics } from './support/metrics.js';

const FAULTY_MAIN = fileURLToPath(new URL('support/faulty-main.js', import.meta.url));
const ROOM = 'faulty';
const OTHERS = 100;
const POSTS = 60;
const BURST = 200;
/** One less than what stops a room. */
const CRASHES = 4;
const CRASHED = 'parlor_crashes_total{actor="room"}';

for (const broker of BROKERS) {
  t.test(`with the ${broker.name} broker`, async (t) => {
    const parlor = await startFaulty(t, broker, '0.03', CRASHES);
    const members = await Promise.all(['alice', 'bob'].map((user) => parlor.join(ROOM, `user=${user}`)));
    const [alice, bob] = members as [Client, Client];
    const others = await pairs(parlor);

    t.test('a crashing room loses, doubles and reorders nothing, and no other room notices', async (t) => {
      const [accepted, faults] = [[] as string[], { count: 0 }];
      const crashes = () => faults.count + bob.of('error').length;
      let busy = true;
      const posting = others.map((pair) => pair.postWhile(() => busy));
      // Bob sends everything at once, half of it with ids; who posts as alice waits for each answer.
      const burst = oneTo(BURST).map((n) => ({ text: `burst ${n}`, ...(n % 2 ? { id: randomUUID() } : {}) }));
      for (const post of burst) bob.send({ type: 'post', ...post });
      for (let n = 1; n <= POSTS || crashes() < CRASHES; n++) {
        accepted.push(await postUntilAccepted(parlor, `faulty ${n}`, faults));
      }
      await until(() => bob.of('ack').length + bob.of('error').length >= BURST, {
        what: 'all answers to bob',
      });
      busy = false;
      await Promise.all(posting);
      const total = accepted.length + bob.of('ack').length;
      await Promise.all([alice, bob].map((client) => client.count('message', total)));
      for (const client of [alice, bob]) {
        t.same(seqs(client), oneTo(total), 'no gap and no double');
        t.equal(client.socket.readyState, client.socket.OPEN, 'and nobody was disconnected');
      }
      t.same(bob.of('message'), alice.of('message'), 'the same for both');
      const by = (user: string) => texts(alice).filter((_, i) => alice.of('message')[i]?.['user'] === user);
      t.same(by('alice'), accepted, 'each accepted message once, in the order of the posts');
      const seen = new Set(by('bob'));
      t.same(
        by('bob'),
        burst.map(({ text }) => text).filter((text) => seen.has(text)),
        'bob’s in his order',
      );
      t.equal(by('bob').length, bob.of('ack').length, 'each acked one, and none that was refused');
      t.same(
        bob.of('error').map(({ code }) => code),
        bob.of('error').map(() => 'internal'),
      );
      t.equal(crashes(), CRASHES, 'who posted was told of each crash');
      t.same(
        others.filter((pair) => !pair.isPerfect()),
        [],
        `${OTHERS} other rooms lost and reordered nothing`,
      );
    });

    t.test('each crash is logged with the room and its cause, and counted', async (t) => {
      const lines = parlor.logs.filter(({ level }) => level >= 50);
      t.equal(lines.length, CRASHES);
      for (const line of lines) t.match(line, { room_id: ROOM, cause: /the dice said so/, msg: /crashed/ });
      t.equal((await metrics(parlor))(CRASHED), CRASHES);
    });

    t.test('after a crash the seats are those of before', async (t) => {
      t.same([...(await readRoom(parlor, ROOM)).members].sort(), ['alice', 'bob']);
      t.equal(await attempt(parlor.open(ROOM, 'user=carol')), 'room_full 4409');
      bob.send({ type: 'post', text: 'still here' });
      const seen = await alice.count('message', seqs(bob).length + 1);
      t.match(seen.at(-1), { user: 'bob', text: 'still here' });
    });
  });
}

t.test('a room that crashes five times in ten seconds rests, and all others go on', async (t) => {
  const parlor = await startFaulty(t, BROKERS[0] as BrokerUnderTest, '1', 5);
  const alice = await parlor.join(ROOM, 'user=alice');
  for (const n of oneTo(5)) {
    const answer = await parlor.post(ROOM, { text: `post ${n}` });
    t.equal(answer.status, 500);
    t.match(await problemOf(answer), { code: 'internal' });
  }
  const answer = await parlor.post(ROOM, { text: 'one more' });
  t.equal(answer.status, 503);
  t.match(answer.headers.get('retry-after'), /^\d+$/);
  t.match(await problemOf(answer), { code: 'unavailable', detail: /rests for 30 s/ });
  t.equal(await attempt(parlor.open(ROOM, 'user=bob')), 'unavailable 4503');
  alice.send({ type: 'post', text: 'and from here' });
  t.match(await alice.next('error'), { code: 'unavailable' });
  t.equal(alice.socket.readyState, alice.socket.OPEN, 'its members stay connected');
  t.match(parlor.logs.filter(({ level }) => level >= 50).at(-1), {
    room_id: ROOM,
    crashes: 5,
    msg: /rests for 30 s/,
  });
  t.equal((await parlor.post('42', { text: 'elsewhere' })).status, 201);
  t.equal((await parlor.get('/health/ready')).status, 200);
});

async function startFaulty(t: Test, broker: BrokerUnderTest, rate: string, limit: number): Promise<Parlor> {
  const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32));
  t.comment(`FAULT_SEED=${seed}`);
  const faults = {
    FAULTY_ROOM: ROOM,
    FAULT_RATE: rate,
    FAULT_SEED: String(seed),
    FAULT_LIMIT: String(limit),
  };
  const parlor = await startParlor({ ...faults, ...(await broker.env()) }, FAULTY_MAIN);
  t.teardown(() => parlor.end());
  return parlor;
}

/** Posts a message, with the same id again where the room failed on it, and resolves with its text. */
async function postUntilAccepted(parlor: Parlor, text: string, faults: { count: number }): Promise<string> {
  const id = randomUUID();
  for (;;) {
    const answer = await parlor.post(ROOM, { id, user: 'alice', text });
    if (answer.status === 201) return text;
    const problem = await problemOf(answer);
    if (problem.code !== 'internal') throw new Error(`${answer.status} ${problem.code}: ${problem.detail}`);
    faults.count += 1;
  }
}

/** A room with two members that is posted to all the while. */
interface Pair {
  /** Posts one message after the other; resolves when both members have got them. */
  postWhile(wanted: () => boolean): Promise<void>;
  /** Whether both saw all that was posted, once and in the order of the seqs. */
  isPerfect(): boolean;
}

async function pairs(parlor: Parlor): Promise<Pair[]> {
  return Promise.all(
    oneTo(OTHERS).map(async (n) => {
      const room = `other-${n}`;
      const both = [await parlor.join(room, 'user=one'), await parlor.join(room, 'user=two')];
      const [one] = both as [Client, Client];
      let posted = 0;
      return {
        async postWhile(wanted: () => boolean) {
          while (wanted()) {
            one.send({ type: 'post', text: `${room} ${++posted}` });
            await one.count('ack', posted);
          }
          await Promise.all(both.map((client) => client.count('message', posted)));
        },
        isPerfect() {
          const numbers = oneTo(posted);
          const expected = numbers.map((number) => `${room} ${number}`);
          return both.every(
            (client) =>
              String(texts(client)) === String(expected) && String(seqs(client)) === String(numbers),
          );
        },
      };
    }),
  );
}
