import t from 'tap';
import { Admission, type AdmissionLimits } from '../../engine/admission.js';
import { newId } from '../../engine/ids.js';
import type { Store } from '../../engine/ports.js';
import { startNode } from '../support/engine.js';
import { ManualClock, turns } from '../support/clock.js';
import { heard, ManyClient, type Told } from '../support/many.js';

const FEW: AdmissionLimits = { least: 10, most: 10, characters: 1_000_000, waitMs: 50 };

/** A store that, once it stalls, commits nothing until it is told to go on. */
function stalling() {
  let stalled: Promise<void> = Promise.resolve();
  let go: () => void = () => undefined;
  const store = (inner: Store): Store => ({
    ...inner,
    append: (appends) => stalled.then(() => inner.append(appends)),
  });
  const stall = (): void => void (stalled = new Promise((resolve) => (go = resolve)));
  return { store, stall, go: () => go() };
}

t.test('at the limit each post is answered with an error that carries its id', async (t) => {
  const { store, stall, go } = stalling();
  const node = await startNode(t, { admission: FEW, store });
  const alice = await node.join('42', 'alice');
  stall();
  const ids = Array.from({ length: 50 }, () => newId());
  for (const id of ids) alice.post('hello', id);
  t.same(
    alice.all('error').map(({ id }) => id),
    ids.slice(10),
    'those that find no room are refused at once',
  );
  t.ok(alice.all('error').every(({ code, message }) => code === 'unavailable' && /again/.test(message)));
  t.equal(node.counts.get('refused unavailable'), 40);
  go();
  await node.quiet();
  t.same(
    alice.all('ack').map(({ id }) => id),
    ids.slice(0, 10),
    'the others are accepted',
  );
});

t.test('in many rooms it names the room, too, however the post is written', async (t) => {
  const { store, stall, go } = stalling();
  const node = await startNode(t, { admission: FEW, store });
  const alice = new ManyClient(node, 'alice');
  alice.enter('42');
  await heard(alice, '42', 'welcome');
  await node.quiet();
  stall();
  for (let i = 0; i < 10; i++) alice.postTo('42', 'hello', newId());
  const [id, other] = [newId(), newId()];
  const frames: [string, object][] = [
    [`{"type":"post","room":"42","text":"hello","id":"${id}"}`, { room: '42', id }],
    [`{"id":"${id}","text":"für","room":"42","type":"post"}`, { room: '42', id }],
    [`{ "type": "post", "room": "42", "text": "a \\"b\\"", "id": "${id}" }`, { room: '42', id }],
    [`{"type":"post","room":"42","text":"hello","id":"${other.toUpperCase()}"}`, { room: '42', id: other }],
    ['{"type":"post","room":"42","text":"hello"}', { room: '42' }],
    [`{"type":"post","room":"no room","text":"hello","id":"${id}"}`, { id }],
    [`{"type":"post","room":"42","text":"hello","id":"say \\"no\\""}`, { room: '42', id: 'say "no"' }],
  ];
  for (const [frame] of frames) alice.connection?.frame(frame);
  const told = { ...{ type: 'error', code: 'unavailable' }, ...{ retry: true, retry_after_ms: 1_000 } };
  t.same(
    (alice.frames as readonly Told[])
      .filter(({ type }) => type === 'error')
      .map(({ message: _message, ...frame }) => frame),
    frames.map(([, about]) => ({ ...told, ...about })),
  );
  go();
  await node.quiet();
});

t.test('nothing that was accepted is lost, and after the burst posts are accepted again', async (t) => {
  const node = await startNode(t, { admission: FEW });
  const people = [await node.join('a', 'alice'), await node.join('b', 'bob')];
  for (let burst = 0; burst < 5; burst++) {
    for (const person of people) for (let i = 0; i < 30; i++) person.post(`${burst} ${i}`, newId());
    await node.quiet();
  }
  for (const person of people) {
    const acks = person.all('ack');
    t.equal(acks.length + person.errors.length, 150, 'each has one answer');
    t.same(
      person.all('message').map(({ id }) => id),
      acks.map(({ id }) => id),
    );
    person.frames.length = 0;
    person.post('still here');
    await node.quiet();
    t.same(person.errors, []);
    t.same(person.texts, ['still here']);
  }
  t.equal(node.engine.stats().underWay, 0);
});

t.test('over HTTP the same door is closed, and open again afterwards', async (t) => {
  const { store, stall, go } = stalling();
  const node = await startNode(t, { admission: FEW, store });
  stall();
  const answers = Array.from({ length: 12 }, (_, i) => node.post('42', `${i}`, newId()));
  t.ok(node.engine.isOverloaded());
  t.match(await answers[10], { type: 'refused', code: 'unavailable' });
  go();
  const types = (await Promise.all(answers)).map(({ type }) => type);
  t.equal(types.filter((type) => type === 'posted').length, 10);
  t.notOk(node.engine.isOverloaded());
  t.match(await node.post('42', 'again', newId()), { type: 'posted' });
});

t.test('however much is sent, no more waits than the node lets in', async (t) => {
  const { store, stall, go } = stalling();
  const node = await startNode(t, { admission: FEW, store });
  const people = await Promise.all([0, 1, 2].map((n) => node.join('42', `user-${n}`)));
  stall();
  for (let i = 0; i < 1_000; i++) {
    for (const person of people) person.post('more', newId());
    if (i % 100 === 0) await turns(3);
    t.ok(node.engine.stats().underWay <= 10);
    t.ok(node.engine.stats().broker.pending <= 10);
  }
  go();
  await node.quiet();
  t.equal(node.engine.stats().underWay, 0);
});

t.test('long texts are counted by their length', async (t) => {
  const { store, stall, go } = stalling();
  const node = await startNode(t, {
    admission: { ...FEW, most: 1_000, least: 1_000, characters: 10_000 },
    store,
  });
  const alice = await node.join('42', 'alice');
  stall();
  for (let i = 0; i < 100; i++) alice.post('x'.repeat(2_000), newId());
  t.ok(node.engine.stats().underWay <= 6);
  go();
  await node.quiet();
  t.equal(alice.all('ack').length + alice.errors.length, 100);
});

t.test('who joins or leaves an overloaded node is not turned away', async (t) => {
  const { store, stall, go } = stalling();
  const node = await startNode(t, { admission: FEW, store, policy: { grace_ms: 0 } });
  const alice = await node.join('a', 'alice');
  stall();
  for (let i = 0; i < 20; i++) alice.post('hello');
  t.ok(node.engine.isOverloaded());
  const bob = node.connect('b', 'bob');
  await turns(20);
  t.ok(bob.isOpen);
  t.equal(node.engine.stats().seats, 2);
  bob.close();
  alice.close();
  go();
  await node.quiet();
  t.equal(node.engine.stats().seats, 0);
  t.equal(node.engine.stats().underWay, 0, 'who goes leaves nothing behind');
});

t.test('typing and what is no frame give their place back', async (t) => {
  const node = await startNode(t, { admission: FEW });
  const alice = await node.join('42', 'alice');
  for (let i = 0; i < 30; i++) {
    alice.connection?.frame(['{"type":"typing"}', 'no JSON', '{"type":"post"}'][i % 3] ?? '');
    if (i % 5 === 0) await node.quiet();
  }
  await node.quiet();
  t.equal(node.engine.stats().underWay, 0);
});

t.test('the faster posts are answered, the more may be under way, between the two bounds', async (t) => {
  const clock = new ManualClock();
  const admission = new Admission(clock, { least: 10, most: 1_000, characters: 1e9, waitMs: 50 });
  const fill = (): number => {
    let count = 0;
    while (admission.enter(1)) count++;
    return count;
  };
  const answer = (count: number): void => {
    for (let i = 0; i < count; i++) admission.leave(1);
  };
  t.equal(fill(), 1_000);
  clock.jump(100);
  answer(256);
  fill();
  t.equal(admission.depth, 744, '256 in 100 ms are 128 in 50 ms, and more than that wait already');
  answer(744);
  t.equal(fill(), 128);
  clock.jump(10_000);
  for (let i = 0; i < 3; i++) {
    answer(100);
    fill();
  }
  answer(admission.depth);
  t.equal(fill(), 10, 'never fewer than the least');
});
