import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { BROKERS } from '../support/matrix.js';
import { startParlor, type Client, type Env, type Parlor } from '../support/parlor.js';
import { startPrivatePostgres } from '../support/postgres.js';
import { until } from '../support/until.js';
import { attempt, oneTo, problemOf, readRoom } from './support/chat.js';
import { range } from './support/cluster-tally.js';
import { metrics } from './support/metrics.js';
import type { Door } from './support/door.js';
import type { Resident } from './support/residents.js';
import { endScene, populate, type Scene } from './support/scene.js';

const FAULTY_MAIN = fileURLToPath(new URL('support/faulty-main.js', import.meta.url));
/** Only members may post into it, so a member whose seat is not known is told so, or waits. */
const ROOM = 'direct:faulty';
const OTHERS = oneTo(20).map((n) => `direct:other-${n}`);
/** One less than what stops a room. */
const CRASHES = 4;
const CRASHED = 'parlor_crashes_total{actor="room"}';
const GRACE_MS = 1_000;
/** How long a room rests that crashes too often, ms. */
const REST_MS = 30_000;

/** What nact's strategy does, and which fault of the program has it do that. */
const STRATEGIES = [
  { name: 'resume', fault: {}, says: /crashed in a decision, goes on/ },
  { name: 'reset', fault: { FAULT_AFTER: '1' }, says: /crashed, rebuilt from the store/ },
] as const;

t.setTimeout(240_000);

for (const broker of BROKERS) {
  for (const { name, fault, says } of STRATEGIES) {
    t.test(`${name}, with the ${broker.name} broker: a crash costs nobody a seat or a message`, async (t) => {
      const parlor = await startFaulty(t, { ...fault, FAULT_RATE: '0.05', ...(await broker.env()) });
      const scene = await settle(t, parlor, [ROOM, ...OTHERS]);
      await until(async () => (await metrics(parlor))(CRASHED) >= CRASHES, {
        timeoutMs: 30_000,
        what: 'the room to have crashed',
      });
      const { faults } = await endScene(scene, 500, () => parlor.end());
      tell(t, name, scene);

      const lines = parlor.logs.filter(({ level }) => level >= 50);
      t.equal(lines.length, CRASHES, 'each crash is logged');
      for (const line of lines) t.match(line, { room_id: ROOM, cause: /the dice said so/, msg: says });
      t.same(faults, [], 'no message is lost, doubled or out of order; no seat is lost or given away');
      const { residents, intruders } = scene;
      t.same(
        residents.filter(({ cutOff }) => cutOff !== null).map(({ record, cutOff }) => [record.name, cutOff]),
        [],
        'everybody has stayed connected and could go on',
      );
      const refusals = refusalsOf(residents.filter(({ room }) => room === ROOM));
      const failing = name === 'resume' ? refusals.filter((code) => code === 'internal') : [];
      t.equal(
        failing.length,
        name === 'resume' ? CRASHES : 0,
        'who posted was told of a decision that failed',
      );
      t.same(
        refusals.filter((code) => code !== 'internal'),
        [],
        'and nobody was refused for another reason',
      );
      t.same(refusalsOf(residents.filter(({ room }) => room !== ROOM)), [], 'nobody elsewhere noticed');
      t.same(
        [...new Set(intruders.flatMap((one) => one.refusals))],
        ['room_full'],
        'the room was full all the time',
      );
      t.same(leftsOf(scene), [], 'nobody was said to have left');
    });
  }
}

t.test(
  'a room that goes on after a crash asks no store: what needs none is answered while the store hangs',
  async (t) => {
    const postgres = await startPrivatePostgres();
    t.teardown(() => postgres.close());
    const store = { STORE: 'postgres', DATABASE_URL: postgres.url };
    const parlor = await startFaulty(t, { ...store, FAULT_RATE: '1', FAULT_LIMIT: '1' });
    const alice = await parlor.join(ROOM, 'user=alice');
    const bob = await parlor.join(ROOM, 'user=bob');
    await postgres.freeze();
    alice.send({ type: 'post', text: 'fails' });
    t.match(await alice.next('error'), { code: 'internal' });
    bob.send({ type: 'typing' });
    t.match(await alice.next('typing'), { user: 'bob' }, 'the room knows its members');
    t.equal(await attempt(parlor.open(ROOM, 'user=carol')), 'room_full 4409', 'and that it is full');
    bob.send({ type: 'post', text: 'waits for the store' });
    await postgres.thaw();
    t.match(await alice.next('message'), { seq: 1, user: 'bob' });
  },
);

t.test(
  'stop: a room that crashes five times in ten seconds rests; its members keep their seats',
  async (t) => {
    const parlor = await startFaulty(t, { FAULT_RATE: '1', FAULT_LIMIT: '5' });
    const [alice, bob] = [await parlor.join(ROOM, 'user=alice'), await parlor.join(ROOM, 'user=bob')];
    const elsewhere = await settle(t, parlor, OTHERS, 200);
    const began = performance.now();
    for (const n of oneTo(5)) {
      alice.send({ type: 'post', text: `post ${n}` });
      t.match(await alice.next('error'), { code: 'internal' }, 'who posts is told of each crash');
    }
    alice.send({ type: 'post', text: 'one more' });
    const refused = await alice.next('error');
    t.match(refused, { code: 'unavailable' }, 'then the room rests');
    const answer = await parlor.post(ROOM, { text: 'from outside' });
    t.equal(answer.status, 503);
    t.match(answer.headers.get('retry-after'), /^\d+$/, 'a service is told when to come again');
    t.match(await problemOf(answer), { code: 'unavailable' });
    t.equal(await attempt(parlor.open(ROOM, 'user=carol')), 'unavailable 4503', 'nobody gets in meanwhile');
    t.equal(alice.socket.readyState, alice.socket.OPEN, 'its members stay connected');
    t.equal(bob.socket.readyState, bob.socket.OPEN);
    await bob.close();
    const resting = performance.now();
    await acked(alice, 'back again');
    const backAfter = performance.now() - resting;

    t.same(
      alice.of('left').filter(({ user }) => user === 'alice'),
      [],
      'who stayed has not left',
    );
    await alice.next('left');
    t.same(
      alice.of('left').map(({ user }) => user),
      ['bob'],
      'who went while it rested has left',
    );
    t.same((await readRoom(parlor, ROOM)).members, ['alice']);
    const carol = parlor.open(ROOM, 'user=carol');
    t.equal(await attempt(carol), 'welcome', 'and the seat is free');
    t.equal(await attempt(parlor.open(ROOM, 'user=dora')), 'room_full 4409', 'that one and no other');

    const { faults } = await endScene(elsewhere, 0, () => parlor.end());
    tell(t, 'stop', elsewhere);
    t.comment(
      `stop: five crashes and what followed took ${Math.round(resting - began)} ms; ` +
        `posts were refused for ${Math.round(backAfter)} ms, of ${REST_MS} that it rests`,
    );
    t.same(faults, [], 'other rooms have kept all promises');
    t.same(refusalsOf(elsewhere.residents), [], 'and nobody there was refused anything');
  },
);

async function startFaulty(t: Test, env: Env): Promise<Parlor> {
  const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32));
  t.comment(`FAULT_SEED=${seed}`);
  const parlor = await startParlor(
    {
      FAULTY_ROOM: ROOM,
      FAULT_SEED: String(seed),
      FAULT_LIMIT: String(CRASHES),
      GRACE_MS: String(GRACE_MS),
      ...env,
    },
    FAULTY_MAIN,
  );
  t.teardown(() => parlor.end());
  return parlor;
}

/** Two residents in each room who post; others try to get into the room that crashes, if it is among them. */
async function settle(t: Test, parlor: Parlor, rooms: readonly string[], postEveryMs = 20): Promise<Scene> {
  const door: Door = { name: 'one', parlor };
  const scene = await populate({
    doors: [door],
    rooms,
    wanted: rooms.filter((room) => room === ROOM),
    seating: () => [door, door],
    graceMs: GRACE_MS,
    postEveryMs,
    seed: 1,
  });
  t.teardown(() => void (scene.stage.phase = 'over'));
  return scene;
}

/** Posts the same text again and again until it is accepted. */
async function acked(client: Client, text: string): Promise<void> {
  const isBack = async (): Promise<boolean> => {
    const [acks, errors] = [client.of('ack').length, client.of('error').length];
    client.send({ type: 'post', text });
    await until(() => client.of('ack').length > acks || client.of('error').length > errors, {
      what: 'an answer',
    });
    return client.of('ack').length > acks;
  };
  await until(isBack, { timeoutMs: 2 * REST_MS, intervalMs: 200, what: 'the room to be back' });
}

/** Every answer to a post that is not its seq. */
function refusalsOf(residents: readonly Resident[]): string[] {
  return residents.flatMap(({ answers }) =>
    answers.map(({ what }) => what).filter((what) => what !== 'posted'),
  );
}

function leftsOf({ stage }: Scene): string[] {
  return stage.visits.visits.flatMap(({ user, told }) =>
    told
      .filter(({ type }) => type === 'left')
      .map(({ users }) => `${user} was told that ${users.join()} left`),
  );
}

/** Prints who got what, and waited how long for it. */
function tell(t: Test, name: string, { residents, intruders }: Scene): void {
  const here = residents.filter(({ room }) => room === ROOM);
  const elsewhere = residents.filter(({ room }) => room !== ROOM);
  for (const [where, list] of [
    ['in the room that crashes', here],
    ['elsewhere', elsewhere],
  ] as const) {
    const byAnswer = new Map<string, number[]>();
    for (const { answers } of list)
      for (const { what, sentAt, at } of answers)
        byAnswer.set(what, [...(byAnswer.get(what) ?? []), at - sentAt]);
    const parts = [...byAnswer].map(([what, times]) => `${times.length} × ${what} after ${range(times)} ms`);
    if (parts.length > 0) t.comment(`${name}, ${where}: ${parts.join('; ')}`);
  }
  const refusals = intruders.flatMap((one) => one.refusals);
  if (refusals.length > 0)
    t.comment(`${name}: ${refusals.length} attempts to get in, all ${[...new Set(refusals)].join()}`);
}
