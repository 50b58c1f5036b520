import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { ownDatabase } from '../support/postgres.js';

interface Message {
  readonly id: string;
  readonly seq: number;
  readonly text: string;
}

/** Posts until it is accepted, with the same id each time, and tells how often it was refused before. */
async function insist(
  parlor: Parlor,
  room: string,
  text: string,
): Promise<{ message: Message; refused: number }> {
  const id = randomUUID();
  for (let refused = 0; refused < 100; refused++) {
    const answer = await parlor.post(room, { id, text });
    if (answer.status === 201) return { message: (await answer.json()) as Message, refused };
    if (answer.status !== 503) throw new Error(`${text}: ${answer.status} ${await answer.text()}`);
  }
  throw new Error(`${text} was refused a hundred times`);
}

async function history(parlor: Parlor, room: string): Promise<Message[]> {
  const messages: Message[] = [];
  for (let after = 0; ;) {
    const page = (await (
      await parlor.get(`/api/rooms/${room}/messages?after=${after}&limit=200`)
    ).json()) as {
      messages: Message[];
      next: number | null;
    };
    messages.push(...page.messages);
    if (page.next === null) return messages;
    after = page.next;
  }
}

t.test('two processes that both believe to be the home of a room never write the same seq', async (t) => {
  const env = { STORE: 'postgres', DATABASE_URL: await ownDatabase() };
  // Each with a broker of its own: neither can know of the other.
  const nodes = await Promise.all([startParlor(env), startParlor(env)]);
  t.teardown(() => Promise.all(nodes.map((node) => node.end())).then(() => undefined));
  const rooms = ['1', '2', '3'];
  const accepted = new Map(rooms.map((room) => [room, [] as Message[]]));
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
    const stored = await history(nodes[0], room);
    t.same(await history(nodes[1], room), stored, 'both read the same');
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
  const deposed = nodes.flatMap(({ logs }) => logs.filter(({ msg }) => msg.includes('deposed')));
  t.ok(deposed.length > 0, 'a room that was no longer the home stopped, and said so');
  t.ok(deposed.every(({ room_id }) => rooms.includes(String(room_id))));
});

t.test('who is connected to either of them gets all of it, in order', async (t) => {
  const env = { STORE: 'postgres', DATABASE_URL: await ownDatabase() };
  const [one, two] = await Promise.all([startParlor(env), startParlor(env)]);
  t.teardown(() => Promise.all([one.end(), two.end()]).then(() => undefined));
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
