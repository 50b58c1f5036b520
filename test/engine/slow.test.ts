import t from 'tap';
import { turns } from '../support/clock.js';
import { startNode, type Client, type Node } from '../support/engine.js';
import { until } from '../support/until.js';

const BUFFER_BYTES = 65_536;
const SPARED = 'dropped slow_consumer_ephemeral';

function upTo(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + 1 + i);
}

function spells(node: Node): string[] {
  return node.log.flatMap(({ text, fields }) =>
    text.includes('reads too slowly') && 'connection_id' in fields ? [String(fields.connection_id)] : [],
  );
}

/** `times` typing frames of the client, a few at a time. */
async function type(node: Node, client: Client, times: number): Promise<void> {
  for (let i = 0; i < times; i += 50) {
    for (let k = i; k < Math.min(times, i + 50); k++) client.say({ type: 'typing' });
    await node.quiet();
  }
}

for (const others of [1, 20]) {
  const size = `a room of ${others + 1}`;

  t.test(`in ${size}, who does not read is spared typing frames, and misses no message`, async (t) => {
    const node = await startNode(t, { bufferBytes: BUFFER_BYTES, presenceLimit: 0, typingMs: 0 });
    const slow = await node.join('42', 'slow');
    const [quick] = await Promise.all(upTo(0, others).map((i) => node.join('42', `quick-${i}`)));
    if (!quick) throw new Error('nobody reads');
    const { connection_id: slowId } = await slow.first('welcome');
    slow.stopReading();
    for (let round = 0; round < 50; round++) {
      await type(node, quick, 100);
      await node.post('42', `message ${round}`);
    }
    t.equal(quick.all('typing').length, 5_000, 'who reads gets them all');
    t.ok(slow.backlog() < BUFFER_BYTES * 0.8, `${slow.backlog()} bytes wait`);
    t.equal(slow.closedWith, null);
    slow.readOn();
    await node.quiet();
    const got = slow.all('typing').length;
    t.ok(got > 100 && got < 4_000, `it got ${got} typing frames`);
    t.equal(node.counts.get(SPARED), 5_000 - got, 'each that it did not get is counted');
    t.same(slow.seqs, upTo(0, 50), 'and every message');
    t.same(spells(node), [slowId], 'one line in the log');

    await type(node, quick, 10);
    t.equal(slow.all('typing').length, got + 10, 'and now that it reads it gets them all again');

    slow.stopReading();
    await type(node, quick, 2_000);
    t.same(spells(node), [slowId, slowId], 'a line for each time');
    slow.close();
    await node.quiet();
    const counted = node.counts.get(SPARED);
    await type(node, quick, 10);
    t.equal(node.counts.get(SPARED), counted, 'nobody is spared any more');
  });

  t.test(
    `in ${size}, messages that overflow end the connection, and with since nothing is missed`,
    async (t) => {
      const node = await startNode(t, { bufferBytes: BUFFER_BYTES });
      const slow = await node.join('42', 'slow');
      const readers = await Promise.all(upTo(0, others).map((i) => node.join('42', `quick-${i}`)));
      slow.stopReading();
      for (let i = 0; i < 100; i++) await node.post('42', 'x'.repeat(2_000));
      t.ok(slow.backlog() <= BUFFER_BYTES + 3_000);
      slow.readOn();
      t.equal(slow.closedWith, 4508);
      t.equal(slow.frames.at(-1)?.type, 'error', 'it is told why');
      const last = slow.seqs.at(-1) ?? 0;
      t.ok(last > 0 && last < 100);
      t.same(slow.seqs, upTo(0, last), 'no gap before the end');
      const back = await node.join('42', 'slow', last);
      await node.quiet();
      t.same(back.seqs, upTo(last, 100));
      for (const reader of readers) t.same(reader.seqs, upTo(0, 100));
    },
  );
}

t.test('who comes back and reads slowly gets everything, and its buffer holds', async (t) => {
  let reads = 0;
  const node = await startNode(t, {
    bufferBytes: BUFFER_BYTES,
    recoveryLimit: 2_000,
    store: (inner) => ({
      ...inner,
      history: (page) => {
        reads += page.limit;
        return inner.history(page);
      },
    }),
  });
  for (let i = 0; i < 1_000; i++) void node.post('42', '€'.repeat(2_000));
  await node.quiet();
  const slow = node.connect('42', 'slow', 0);
  slow.stopReading();
  let most = 0;
  for (let step = 0; slow.seqs.at(-1) !== 1_100; step++) {
    if (step > 20_000) throw new Error(`after ${step} steps it is at ${slow.seqs.at(-1)}`);
    if (step % 10 === 0 && step < 1_000) void node.post('42', `live ${step}`);
    await turns(3);
    most = Math.max(most, slow.backlog());
    slow.read(1);
  }
  t.same(slow.seqs, upTo(0, 1_100));
  t.equal(slow.closedWith, null);
  t.ok(most <= BUFFER_BYTES * 0.6, `at most ${most} bytes waited`);
  t.ok(reads < 3_000, `${reads} events were asked for`);
  slow.readOn();
  await node.post('42', 'now it hears the room');
  await node.quiet();
  t.same(slow.seqs, upTo(0, 1_101));
});

t.test('a message that is larger than what may wait gets through to who comes back', async (t) => {
  const node = await startNode(t, { bufferBytes: 4_096 });
  for (let i = 0; i < 30; i++) void node.post('42', '€'.repeat(2_000));
  await node.quiet();
  const slow = node.connect('42', 'slow', 0);
  slow.stopReading();
  await until(
    () => {
      slow.read(1);
      return slow.seqs.at(-1) === 30;
    },
    { what: 'the last message', intervalMs: 1 },
  );
  t.same(slow.seqs, upTo(0, 30));
});

t.test('who goes, or is kicked, while it waits to be sent the rest leaves nothing behind', async (t) => {
  const node = await startNode(t, { bufferBytes: BUFFER_BYTES, policy: { grace_ms: 0 } });
  for (let i = 0; i < 400; i++) void node.post('42', 'x'.repeat(2_000));
  await node.quiet();
  const quick = await node.join('42', 'quick');
  const [gone, kicked] = [node.connect('42', 'gone', 0), node.connect('42', 'kicked', 0)];
  gone.stopReading();
  kicked.stopReading();
  await node.quiet();
  gone.close();
  await node.request({ type: 'kick', room_id: '42', user: 'kicked' });
  await node.quiet();
  t.equal(kicked.closedWith, 4403);
  await node.post('42', 'still here');
  await node.quiet();
  t.equal(quick.texts.at(-1), 'still here');
  t.equal(node.engine.stats().connections, 1);
  t.same(quick.roster, ['quick']);
});

t.test('who came and went meanwhile is not told to somebody whose buffer is full', async (t) => {
  const node = await startNode(t, { bufferBytes: 16_384, policy: { grace_ms: 0 } });
  for (let i = 0; i < 6; i++) void node.post('42', '€'.repeat(600));
  await node.quiet();
  const slow = node.connect('42', 'slow', 0);
  slow.stopReading();
  await node.quiet();
  const visitors = upTo(0, 200).map((i) => node.connect('42', `visitor-${i}-${'x'.repeat(50)}`));
  await node.quiet();
  slow.read(3);
  await node.quiet();
  t.ok(slow.backlog() <= 16_384 * 0.6);
  t.ok((node.counts.get(SPARED) ?? 0) > 0, 'the list of members is left out');
  slow.readOn();
  await node.post('42', 'it hears the room');
  await node.quiet();
  t.same(slow.seqs, upTo(0, 7));
  t.equal(visitors.length, 200);
});

t.test('posts are taken from the welcome on, though what was missed is still on its way', async (t) => {
  const node = await startNode(t, { bufferBytes: BUFFER_BYTES });
  const size = 1_000;
  const missed = Math.ceil((2 * BUFFER_BYTES) / size);
  for (let n = 1; n <= missed; n++) await node.post('r', 'x'.repeat(size));
  const alice = node.connect('r', 'alice', 0);
  alice.stopReading();
  await until(() => alice.backlog() > 0, { what: 'the welcome', intervalMs: 1 });
  await node.quiet();
  alice.post('already here');
  await node.quiet();
  alice.readOn();
  t.equal((await alice.first('ack')).seq, missed + 1);
  await until(() => alice.texts.at(-1) === 'already here', { what: 'its own message', intervalMs: 1 });
  t.same(alice.errors, []);
  t.equal(alice.texts.length, missed + 1);
});
