import fc from 'fast-check';
import t from 'tap';
import { startNode, type Client, type Node } from '../support/engine.js';
import { inRoom, ManyClient } from '../support/many.js';

const ROOMS = ['a', 'b', 'c'] as const;
type Room = (typeof ROOMS)[number];
/** In `a` there are so many others that frames go by topic. */
const CROWD = 9;
const RUNS = Number(process.env['RUNS'] ?? 40);

const KINDS = ['post', 'typing', 'bad', 'enter', 'enter', 'leave', 'kick', 'policy', 'others', 'close'] as const;
const steps = fc.array(
  fc.record({ kind: fc.constantFrom(...KINDS), room: fc.constantFrom(...ROOMS), since: fc.nat({ max: 5 }) }),
  { minLength: 5, maxLength: 60 },
);
type Step = (typeof steps extends fc.Arbitrary<infer S> ? S : never) extends readonly (infer One)[] ? One : never;

/** One user's way into rooms: over one socket, or over one for each. */
interface Way {
  isIn(room: Room): boolean;
  enter(room: Room, since: number): void;
  leave(room: Room): void;
  say(room: Room, frame: object): void;
  /** All that it was told of a room. */
  told(room: Room): readonly object[];
}

function overOneEach(node: Node): Way {
  const all: { readonly room: Room; readonly client: Client }[] = [];
  const current = (room: Room): Client | undefined =>
    all.find((one) => one.room === room && one.client.isOpen)?.client;
  return {
    isIn: (room) => current(room) !== undefined,
    enter: (room, since) => void all.push({ room, client: node.connect(room, 'alice', since) }),
    leave: (room) => current(room)?.close(),
    say: (room, frame) => current(room)?.say(frame),
    told: (room) => all.filter((one) => one.room === room).flatMap(({ client }) => client.frames),
  };
}

function overOne(node: Node): Way {
  const client = new ManyClient(node, 'alice');
  const isIn = new Map<Room, number>();
  const ends = (room: Room): number => told(room).filter(({ type }) => type === 'unsubscribed').length;
  const told = (room: Room): readonly { readonly type: string }[] => inRoom(client, room);
  return {
    isIn: (room) => (isIn.get(room) ?? 0) > ends(room),
    enter(room, since) {
      isIn.set(room, (isIn.get(room) ?? 0) + 1);
      client.enter(room, since);
    },
    leave: (room) => client.leave(room),
    say: (room, frame) => client.say({ ...frame, room }),
    told: (room) =>
      told(room).flatMap((frame) => {
        if (frame.type !== 'unsubscribed') return [frame];
        // What ends a connection to one room is told as an error there.
        return 'code' in frame ? [{ ...frame, type: 'error' }] : [];
      }),
  };
}

/** Plays the steps, each until nothing is under way, and answers what was told of each room. */
async function play(node: Node, way: Way, todo: readonly Step[]): Promise<Record<Room, readonly object[]>> {
  const crowd = await Promise.all(
    Array.from({ length: CROWD }, (_, i) => node.join('a', `crowd-${i}`)),
  );
  let number = 0;
  for (const { kind, room, since } of todo) {
    const id = `00000000-0000-4000-8000-${String(++number).padStart(12, '0')}`;
    switch (kind) {
      case 'post':
        if (way.isIn(room)) way.say(room, { type: 'post', text: `${number}`, id });
        break;
      case 'typing':
        if (way.isIn(room)) way.say(room, { type: 'typing' });
        break;
      case 'bad':
        if (way.isIn(room)) way.say(room, { type: 'post', text: ' ', id });
        break;
      case 'enter':
        if (!way.isIn(room)) way.enter(room, since);
        break;
      case 'leave':
        if (way.isIn(room)) way.leave(room);
        break;
      case 'kick':
        await node.request({ type: 'kick', room_id: room, user: 'alice' });
        break;
      case 'policy':
        await node.request({ type: 'open', room_id: room, policy: { grace_ms: number } });
        break;
      case 'close':
        // Seldom, since nothing happens in a room that is closed.
        if (number % 5 === 0) await node.request({ type: 'close', room_id: room, purge: number % 2 === 0 });
        break;
      case 'others':
        await node.post(room, `${number} of others`, id);
        crowd[0]?.say({ type: 'typing' });
        break;
    }
    await node.quiet();
    node.clock.jump(1_000);
    await node.quiet();
  }
  return { a: way.told('a'), b: way.told('b'), c: way.told('c') };
}

/** What differs between any two connections is left out. */
function comparable(told: Record<Room, readonly object[]>): object {
  return Object.fromEntries(
    Object.entries(told).map(([room, frames]) => [
      room,
      frames.map((frame) => ({ ...frame, connection_id: undefined })),
    ]),
  );
}

t.test('over one socket the same is told of each room as over one socket for each', async (t) => {
  await fc.assert(
    fc.asyncProperty(steps, async (todo) => {
      const ends: (() => Promise<void>)[] = [];
      const test = { teardown: (end: () => Promise<void>) => void ends.push(end) };
      const nodes = [await startNode(test), await startNode(test)] as const;
      const [each, one] = [
        await play(nodes[0], overOneEach(nodes[0]), todo),
        await play(nodes[1], overOne(nodes[1]), todo),
      ];
      for (const end of ends) await end();
      t.strictSame(comparable(one), comparable(each));
      if (!t.passing()) throw new Error('they differ');
    }),
    { numRuns: RUNS },
  );
});
