import t from 'tap';
import type { Store } from '../../engine/ports.js';
import { startNode, type Node } from '../support/engine.js';
import { heard, inRoom, ManyClient, type Told } from '../support/many.js';
import { until } from '../support/until.js';

const MESSAGES = 300;

function roomNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `room-${i}`);
}

async function write(node: Node, rooms: readonly string[], count: number, pad = ''): Promise<void> {
  for (const room of rooms)
    await Promise.all(Array.from({ length: count }, (_, i) => node.post(room, `${i}${pad}`)));
  await node.quiet();
}

/** Counts how many reads of the store are under way at once, at most. */
function counted(inner: Store): { readonly store: Store; most: number } {
  let now = 0;
  const seen = { store: inner, most: 0 };
  seen.store = {
    ...inner,
    async history(page) {
      seen.most = Math.max(seen.most, ++now);
      // As a store that has to fetch it.
      for (let i = 0; i < 3; i++) await new Promise<void>((next) => setImmediate(next));
      now--;
      return inner.history(page);
    },
  };
  return seen;
}

t.test('who comes back to 200 rooms gets their heads first, then messages in turns', async (t) => {
  const rooms = roomNames(200);
  let reads: ReturnType<typeof counted> | null = null;
  const node = await startNode(t, { store: (inner) => (reads = counted(inner)).store });
  await write(node, rooms, MESSAGES);
  if (reads !== null) (reads as ReturnType<typeof counted>).most = 0;
  const alice = new ManyClient(node, 'alice');
  for (const room of rooms) alice.enter(room, 0);
  for (const room of rooms) await heard(alice, room, 'message', MESSAGES);
  const frames = alice.frames as readonly Told[];
  const lastWelcome = frames.findLastIndex(({ type }) => type === 'welcome');
  const firstMessage = frames.findIndex(({ type }) => type === 'message');
  t.ok(lastWelcome < firstMessage, 'all welcomes come before all messages');
  t.ok(frames.filter(({ type }) => type === 'welcome').every(({ head_seq }) => head_seq === MESSAGES));
  const lastFirst = Math.max(
    ...rooms.map((room) => frames.findIndex((frame) => frame.room === room && frame.type === 'message')),
  );
  const firstLast = Math.min(
    ...rooms.map((room) => frames.findIndex((frame) => frame.room === room && frame['seq'] === MESSAGES)),
  );
  t.ok(lastFirst < firstLast, 'no room is done before each has had a page');
  for (const room of rooms) {
    const seqs = inRoom(alice, room).flatMap((frame) => (frame.type === 'message' ? [frame.seq] : []));
    t.same(
      seqs,
      Array.from({ length: MESSAGES }, (_, i) => i + 1),
    );
  }
  const { most } = reads as unknown as { most: number };
  t.ok(most <= 16, `${most} reads at once`);
});

t.test('who reads slowly gets all that was missed in 30 rooms, and is not ended', async (t) => {
  const bufferBytes = 65_536;
  const rooms = roomNames(30);
  const node = await startNode(t, { bufferBytes });
  await write(node, rooms, 150, 'x'.repeat(300));
  const alice = new ManyClient(node, 'alice');
  alice.stopReading();
  for (const room of rooms) alice.enter(room, 0);
  let most = 0;
  const all = (): number => alice.all('message').length;
  await until(
    () => {
      most = Math.max(most, alice.backlog());
      alice.read(20);
      return all() === 30 * 150;
    },
    { what: () => `all messages; ${all()} came`, intervalMs: 1 },
  );
  t.equal(alice.closedWith, null);
  t.ok(most < bufferBytes, `${most} bytes waited`);
  alice.readOn();
  await node.post('room-3', 'live');
  await heard(alice, 'room-3', 'message', 151);
});

t.test(
  'a room that does not answer keeps neither the welcomes nor the messages of others back',
  async (t) => {
    const node = await startNode(t, {
      broker: (inner) => ({
        ...inner,
        subscribe: (slot) => inner.subscribe(slot),
        request(command, onAnswer) {
          if (command.type !== 'join' || command.room_id !== 'silent') inner.request(command, onAnswer);
        },
      }),
    });
    await write(node, ['a', 'b'], 200);
    const alice = new ManyClient(node, 'alice');
    for (const room of ['silent', 'a', 'b']) alice.enter(room, 0);
    await heard(alice, 'b', 'welcome');
    await node.quiet();
    node.clock.jump(1_000);
    await heard(alice, 'a', 'message', 200);
    await heard(alice, 'b', 'message', 200);
    alice.leave('silent');
    await heard(alice, 'silent', 'unsubscribed');
  },
);

t.test('who does not read at all is ended, with all of its rooms', async (t) => {
  const node = await startNode(t, { bufferBytes: 65_536, policy: { grace_ms: 0 } });
  const rooms = roomNames(20);
  const alice = new ManyClient(node, 'alice');
  for (const room of rooms) alice.enter(room);
  for (const room of rooms) await heard(alice, room, 'welcome');
  t.equal(node.engine.stats().seats, 20);
  alice.stopReading();
  for (let i = 0; i < 20; i++) await write(node, rooms, 1, 'x'.repeat(1_000));
  alice.readOn();
  await node.quiet();
  t.equal(alice.closedWith, 4508);
  t.equal(node.engine.stats().seats, 0);
  t.equal(node.engine.stats().audiences, 0);
});

t.test('who reads too slowly is spared what can be missed, in each of its rooms', async (t) => {
  for (const others of [1, 20]) {
    const node = await startNode(t, { bufferBytes: 65_536, presenceLimit: 0, typingMs: 0 });
    const rooms = roomNames(3);
    const alice = new ManyClient(node, 'alice');
    for (const room of rooms) alice.enter(room);
    const loud = await Promise.all(
      rooms.flatMap((room) => Array.from({ length: others }, (_, i) => node.join(room, `loud-${i}`))),
    );
    for (const room of rooms) await heard(alice, room, 'welcome');
    alice.stopReading();
    for (let round = 0; round < 60; round++) {
      for (const one of loud.filter((_, i) => i % others === 0))
        for (let i = 0; i < 20; i++) one.say({ type: 'typing' });
      await node.quiet();
      for (const room of rooms) await node.post(room, `${round}`);
    }
    t.equal(alice.closedWith, null);
    t.ok((node.counts.get('dropped slow_consumer_ephemeral') ?? 0) > 100, 'typing frames were dropped');
    alice.readOn();
    await node.quiet();
    const typed = alice.all('typing').length;
    for (const room of rooms)
      t.equal(inRoom(alice, room).filter(({ type }) => type === 'message').length, 60, 'and no message');
    loud[0]?.say({ type: 'typing' });
    await node.quiet();
    t.equal(alice.all('typing').length, typed + 1, 'who has read gets them again');
  }
});

t.test(
  'who leaves a room while the buffer is full, and then enters others, is let into all of them',
  async (t) => {
    const node = await startNode(t, { bufferBytes: 65_536 });
    const alice = new ManyClient(node, 'alice');
    alice.enter('loud');
    await heard(alice, 'loud', 'welcome');
    alice.stopReading();
    await write(node, ['loud'], 20, 'x'.repeat(1_000));
    alice.enter('left');
    await node.quiet();
    alice.leave('left');
    await node.quiet();
    const rooms = roomNames(40);
    for (const room of rooms) alice.enter(room);
    await node.quiet();
    alice.readOn();
    for (const room of rooms) await heard(alice, room, 'welcome');
  },
);

t.test('a room takes posts from its welcome on, though what was missed is still on its way', async (t) => {
  const node = await startNode(t, { bufferBytes: 65_536 });
  await write(node, ['a'], 150, 'x'.repeat(1_000));
  const alice = new ManyClient(node, 'alice');
  alice.stopReading();
  alice.enter('a', 0);
  await until(() => alice.backlog() > 0, { what: 'the welcome', intervalMs: 1 });
  await node.quiet();
  alice.postTo('a', 'already here');
  await node.quiet();
  alice.readOn();
  await heard(alice, 'a', 'message', 151);
  t.equal((await heard(alice, 'a', 'ack'))[0]?.['seq'], 151);
  t.same(alice.errors, []);
});
