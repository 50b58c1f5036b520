import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { startParlor, type Env, type Parlor } from '../support/parlor.js';
import { ownDatabase } from '../support/postgres.js';
import { readHistory, type MessageAsRead } from './support/chat.js';

/** Posts until it is accepted, with the same id each time, and tells how often it was refused before. */
async function insist(
  parlor: Parlor,
  room: string,
  text: string,
): Promise<{ message: MessageAsRead; refused: number }> {
  const id = randomUUID();
  for (let refused = 0; refused < 100; refused++) {
    const answer = await parlor.post(room, { id, text });
    if (answer.status === 201) return { message: (await answer.json()) as MessageAsRead, refused };
    if (answer.status !== 503) throw new Error(`${text}: ${answer.status} ${await answer.text()}`);
  }
  throw new Error(`${text} was refused a hundred times`);
}

/** Both at the same instant, on a database that is empty. */
async function startTwo(t: Test, env: Env): Promise<[Parlor, Parlor]> {
  const start = async (): Promise<Parlor> => {
    const parlor = await startParlor(env);
    t.teardown(() => parlor.end());
    return parlor;
  };
  return Promise.all([start(), start()]);
}

t.test('two processes that both believe to be the home of a room never write the same seq', async (t) => {
  const env = { STORE: 'postgres', DATABASE_URL: await ownDatabase() };
  // Each with a broker of its own: neither can know of the other.
  const nodes = await startTwo(t, env);
  const rooms = ['1', '2', '3'];
  const accepted = new Map(rooms.map((room) => [room, [] as MessageAsRead[]]));
  let refusals = 0;
  await Promise.all(
    nodes.flatMap((node, n) =>
      rooms.map(async (room) => {
        for (let i = 0; i < 40; i++) {
          const { message, refused } = await insist(node, room, `${n}.${i}`);
          accepted.get(room)?.push(message);
          refusals += refused;
        }
      }),
    ),
  );
  t.ok(refusals > 0, `they did collide: ${refusals} posts were refused and sent again`);
  for (const room of rooms) {
    const stored = await readHistory(nodes[0], room);
    t.same(await readHistory(nodes[1], room), stored, 'both read the same');
    t.same(
      stored.map(({ seq }) => seq),
      Array.from({ length: 80 }, (_, i) => i + 1),
      'every seq once, without a gap',
    );
    const byId = new Map(stored.map((message) => [message.id, message]));
    for (const { id, seq, text } of accepted.get(room) ?? []) t.match(byId.get(id), { seq, text });
    for (const n of [0, 1]) {
      const own = stored.map(({ text }) => text).filter((text) => text.startsWith(`${n}.`));
      t.same(
        own,
        Array.from({ length: 40 }, (_, i) => `${n}.${i}`),
        'each node’s in the order it posted them',
      );
    }
  }
  const deposed = nodes.flatMap(({ logs }) =>
    logs.filter(({ msg }) => msg.includes('another node has written it')),
  );
  t.ok(deposed.length > 0, 'a room that was no longer the home stopped, and said so');
  t.ok(deposed.every(({ room_id }) => rooms.includes(String(room_id))));
});

t.test('who is connected to either of them gets all of it, in order', async (t) => {
  const env = { STORE: 'postgres', DATABASE_URL: await ownDatabase() };
  const [one, two] = await startTwo(t, env);
  const alice = await one.join('channel:x', 'user=alice');
  const bob = await two.join('channel:x', 'user=bob');
  for (let i = 0; i < 20; i++) await insist(i % 2 === 0 ? one : two, 'channel:x', `${i}`);
  // What was written elsewhere is noticed with the next event here.
  await insist(one, 'channel:x', 'last');
  await insist(two, 'channel:x', 'very last');
  const seqs = Array.from({ length: 21 }, (_, i) => i + 1);
  t.same(
    (await alice.count('message', 21)).map(({ seq }) => seq),
    seqs,
  );
  t.same(
    (await bob.count('message', 22)).map(({ seq }) => seq),
    [...seqs, 22],
  );
});
