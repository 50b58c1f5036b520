import t, { type Test } from 'tap';
import { BROKERS } from '../support/matrix.js';
import { startParlor, type Client, type Parlor } from '../support/parlor.js';
import { startProxy } from '../support/proxy.js';
import { startPrivatePostgres } from '../support/postgres.js';
import { until } from '../support/until.js';
import { oneTo, problemOf, seqs, unready } from './support/chat.js';
import { assertAllThere, startInsistent, type Insistent } from './support/insistent.js';

const ROOM = 'channel:outage';
const PATIENCE = { timeoutMs: 60_000 };

async function untilUnready(parlor: Parlor): Promise<string> {
  let reason: string | null = null;
  await until(async () => (reason = await unready(parlor)) !== null, { ...PATIENCE, what: 'not ready' });
  return String(reason);
}

async function untilReady(parlor: Parlor): Promise<void> {
  await until(async () => (await unready(parlor)) === null, { ...PATIENCE, what: 'ready again' });
}

async function untilAccepted(load: Insistent, more: number): Promise<void> {
  const wanted = load.accepted.length + more;
  await until(() => load.accepted.length >= wanted, { ...PATIENCE, what: `${more} more accepted` });
}

async function untilPutOff(load: Insistent): Promise<void> {
  const { putOff } = load;
  await until(() => load.putOff > putOff, { ...PATIENCE, what: 'posts to be refused, or queued' });
}

/** While the database is away, what reads from it says so, and no more than that. */
async function assertReadsRefused(t: Test, parlor: Parlor): Promise<void> {
  const id = '01890000-0000-7000-8000-000000000001';
  const paths = [
    `/api/rooms/${ROOM}/messages`,
    `/api/messages/${id}`,
    '/api/rooms',
    '/api/events',
    `/api/events/${id}`,
  ];
  for (const path of paths) {
    const answer = await parlor.get(path);
    t.equal(answer.status, 503, path);
    t.equal(answer.headers.get('retry-after'), '1');
    const problem = await problemOf(answer);
    t.match(problem, { code: 'unavailable', detail: /store does not answer/ });
    t.notMatch(JSON.stringify(problem), /127\.0\.0\.1|parlor@|select/i, 'nothing of the inside');
  }
}

/** Goes on for a while, then looks at what became of everything. */
async function endWell(t: Test, parlor: Parlor, member: Client, load: Insistent): Promise<void> {
  await untilAccepted(load, 100);
  await load.stop();
  await assertAllThere(t, parlor, ROOM, load);
  await member.count('message', load.accepted.length);
  t.same(seqs(member), oneTo(load.accepted.length), 'a member saw each of them once, in order');
  t.comment(`${load.accepted.length} accepted, ${load.putOff} times put off`);
}

for (const broker of BROKERS) {
  t.test(
    `PostgreSQL is killed and comes back, again and again, under load, with the ${broker.name} broker`,
    async (t) => {
      const postgres = await startPrivatePostgres();
      t.teardown(() => postgres.close());
      const parlor = await startParlor({
        ...{ STORE: 'postgres', DATABASE_URL: postgres.url, REPLY_TIMEOUT_MS: '1000' },
        ...(await broker.env()),
      });
      t.teardown(() => parlor.end());
      const alice = await parlor.join(ROOM, 'user=alice');
      const load = startInsistent(parlor, ROOM, 8);
      for (let round = 0; round < 3; round++) {
        await untilAccepted(load, 200);
        await postgres.kill();
        t.match(await untilUnready(parlor), /store: .*127\.0\.0\.1/, 'it says why, and where');
        await untilPutOff(load);
        await assertReadsRefused(t, parlor);
        await postgres.start();
        await untilReady(parlor);
      }
      await endWell(t, parlor, alice, load);
      t.equal(parlor.logs.filter(({ msg }) => msg === 'stopped').length, 0);
    },
  );

  t.test(
    `a connection to PostgreSQL that hangs costs a timeout, not the node, with the ${broker.name} broker`,
    async (t) => {
      const postgres = await startPrivatePostgres();
      t.teardown(() => postgres.close());
      const proxy = await startProxy(postgres.port);
      t.teardown(() => proxy.close());
      const url = new URL(postgres.url);
      url.port = String(proxy.port);
      const parlor = await startParlor({
        ...{ STORE: 'postgres', DATABASE_URL: url.href, STORE_TIMEOUT_MS: '500', REPLY_TIMEOUT_MS: '1000' },
        ...(await broker.env()),
      });
      t.teardown(() => parlor.end());
      const alice = await parlor.join(ROOM, 'user=alice');
      const load = startInsistent(parlor, ROOM, 8);
      for (let round = 0; round < 3; round++) {
        await untilAccepted(load, 100);
        proxy.hang();
        t.match(await untilUnready(parlor), /store: /);
        await untilPutOff(load);
        // What hung is delivered now, long after everybody has been told that it failed.
        await proxy.recover();
        await untilReady(parlor);
      }
      await endWell(t, parlor, alice, load);
    },
  );
}
