import t from 'tap';
import fc from 'fast-check';
import { newId } from '../../engine/ids.js';
import { turns } from '../support/clock.js';
import { startNode, type Client, type Node, type NodeOptions } from '../support/engine.js';

type Step = { do: 'post' | 'join' | 'since' | 'close' | 'turn'; n: number };

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('post', 'post', 'post', 'join', 'since', 'close', 'turn'),
  n: fc.nat(7),
});

/** Does what the steps say, without waiting for anything but the turns they ask for. */
async function play(node: Node, steps: readonly Step[]): Promise<Client[]> {
  const clients: Client[] = [];
  const head = (): number => Math.max(0, ...clients.flatMap(({ seqs }) => seqs));
  for (const [i, { do: what, n }] of steps.entries()) {
    if (what === 'post')
      for (let k = 0; k <= n; k++) void node.post('r', `${i}.${k}`, n % 2 ? newId() : undefined);
    if (what === 'join') clients.push(node.connect('r', `user-${i}`));
    if (what === 'since') clients.push(node.connect('r', `user-${i}`, Math.max(0, head() - n * 30)));
    if (what === 'close') clients.at(-1 - n)?.close();
    if (what === 'turn') await turns(n % 4);
  }
  await node.quiet();
  return clients;
}

function upTo(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + 1 + i);
}

async function everybodySeesAll(
  node: Node,
  clients: readonly Client[],
  sinceOf: (client: Client) => number | null,
): Promise<void> {
  const record = await node.store.load('r');
  const head = record?.head_seq ?? 0;
  const events = await node.store.history({ room_id: 'r', after: 0, limit: 100_000, messages_only: false });
  const texts = events.map((event) => (event.type === 'message_posted' ? event.text : ''));
  for (const client of clients) {
    const [welcome] = client.all('welcome');
    if (!welcome) {
      if (client.isOpen) throw new Error(`${client.user} was not let in`);
      continue;
    }
    if (client.frames[0] !== welcome) throw new Error(`${client.user} was told something before welcome`);
    const from = sinceOf(client) ?? welcome.head_seq;
    const last = client.isOpen ? head : (client.seqs.at(-1) ?? from);
    if (client.seqs.join() !== upTo(from, last).join()) {
      throw new Error(`${client.user}, from ${from} to ${last}, saw ${client.seqs.join()}`);
    }
    if (client.texts.join() !== texts.slice(from, last).join())
      throw new Error(`${client.user} saw other texts`);
  }
}

async function holds(options: NodeOptions, runs: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const ends: (() => Promise<void>)[] = [];
      const node = await startNode({ teardown: (end) => void ends.push(end) }, options);
      const sinces = new Map<string, number>();
      const asked: Node = {
        ...node,
        connect(room, user, since) {
          if (since !== undefined) sinces.set(user, since);
          return node.connect(room, user, since);
        },
      };
      try {
        const clients = await play(asked, steps);
        await everybodySeesAll(node, clients, ({ user }) => sinces.get(user) ?? null);
      } finally {
        for (const end of ends) await end();
      }
    }),
    { numRuns: runs },
  );
}

t.test(
  'whoever joins in a flood of posts sees all of them after its welcome, once and in order',
  async (t) => {
    await t.resolves(holds({}, 150));
  },
);

t.test('it is so with a store that takes its time, too', async (t) => {
  const slow: NodeOptions = {
    store: (inner) => ({
      ...inner,
      append: (appends) => turns(3).then(() => inner.append(appends)),
      history: (page) => inner.history(page).then((events) => turns(2).then(() => events)),
      findEvents: (ids) => turns(1).then(() => inner.findEvents(ids)),
      load: (room) => turns(2).then(() => inner.load(room)),
    }),
  };
  await t.resolves(holds(slow, 150));
});

t.test('it is so with a broker that loses every third event, once another comes', async (t) => {
  let count = 0;
  const lossy: NodeOptions = {
    broker: (inner) => ({
      ...inner,
      start: (handlers) =>
        inner.start({
          ...handlers,
          events: (events) => handlers.events(events.filter(() => ++count % 3 !== 0)),
        }),
    }),
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const ends: (() => Promise<void>)[] = [];
      const node = await startNode({ teardown: (end) => void ends.push(end) }, lossy);
      const clients = await play(
        node,
        steps.map((one) => (one.do === 'since' ? { ...one, do: 'join' as const } : one)),
      );
      count = 0;
      await node.post('r', 'the last one');
      await node.quiet();
      await everybodySeesAll(node, clients, () => null);
      for (const end of ends) await end();
    }),
    { numRuns: 100 },
  );
  t.pass('no member missed anything');
});

t.test('frames that come before the welcome are refused, and the welcome comes all the same', async (t) => {
  let open = (): void => undefined;
  const node = await startNode(t, {
    store: (inner) => ({
      ...inner,
      load: (room) => new Promise<void>((opened) => (open = opened)).then(() => inner.load(room)),
    }),
  });
  const eager = node.connect('slow', 'eager');
  await turns(5);
  const id = newId();
  eager.post('too early', id);
  const error = await eager.first('error');
  t.match(error, { code: 'not_joined', id });
  open();
  t.match(await eager.first('welcome'), { members: ['eager'], head_seq: 0 });
  eager.post('now');
  t.match(await eager.first('ack'), { seq: 1 }, 'the post behind the welcome is the first');
});
