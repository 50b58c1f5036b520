import t from 'tap';
import { newId } from '../../engine/ids.js';
import type { Append, AppendResult, Store } from '../../engine/ports.js';
import { turns } from '../support/clock.js';
import { startNode, type NodeOptions } from '../support/engine.js';

type AppendCall = (inner: Store, appends: readonly Append[]) => Promise<AppendResult[]>;

/** A store whose appends go through `how`, which a test may change. */
function appending(how: { append: AppendCall }): Pick<NodeOptions, 'store'> {
  return { store: (inner) => ({ ...inner, append: (appends) => how.append(inner, appends) }) };
}

const normal: AppendCall = (inner, appends) => inner.append(appends);
const failing: AppendCall = () => Promise.reject(new Error('the disk is full'));

t.test(
  'a post that cannot be stored is answered unavailable, is shown to nobody, and the next one takes its seq',
  async (t) => {
    const how = { append: normal };
    const node = await startNode(t, appending(how));
    const alice = await node.join('42', 'alice');
    await node.post('42', 'one');
    how.append = failing;
    const answers = await Promise.all(['two', 'three', 'four'].map((text) => node.post('42', text)));
    for (const answer of answers) t.match(answer, { type: 'refused', code: 'unavailable' });
    how.append = normal;
    t.match(await node.post('42', 'five'), { type: 'posted', message: { seq: 2 } });
    await node.quiet();
    t.same(alice.texts, ['one', 'five']);
    t.same(alice.seqs, [1, 2]);
    t.ok(alice.isOpen);
    await node.clock.pass(1_000);
    t.equal(node.engine.stats().seats, 1);
  },
);

t.test(
  'a commit that was made although the store said no is found by the retry, and shown once',
  async (t) => {
    const how = { append: normal };
    const node = await startNode(t, appending(how));
    const alice = await node.join('42', 'alice');
    await node.post('42', 'one');
    how.append = (inner, appends) =>
      inner.append(appends).then(() => Promise.reject(new Error('connection lost')));
    const id = newId();
    t.match(await node.post('42', 'two', id), { type: 'refused', code: 'unavailable' });
    how.append = normal;
    t.match(await node.post('42', 'two', id), { type: 'posted', message: { seq: 2 } });
    await node.quiet();
    t.same(alice.texts, ['one', 'two'], 'also to who is there, before anything else is posted');
    await node.post('42', 'three');
    await node.quiet();
    t.same(alice.seqs, [1, 2, 3]);
  },
);

t.test(
  'while the store takes its time, posts are staged one upon the other and answered in order',
  async (t) => {
    const gates: (() => void)[] = [];
    const how = {
      append: (inner: Store, appends: readonly Append[]) =>
        new Promise<void>((open) => gates.push(open)).then(() => inner.append(appends)),
    };
    const node = await startNode(t, appending(how));
    const order: number[] = [];
    const answers = Array.from({ length: 30 }, async (_, i) => {
      await turns(i);
      const answer = await node.post('42', `${i}`);
      order.push(answer.type === 'posted' ? answer.message.seq : -1);
    });
    await turns(60);
    t.same(order, [], 'nothing is answered before it is stored');
    t.ok(node.engine.stats().waiting.journal > 20, 'they are staged, not held back');
    gates.shift()?.();
    await turns(10);
    t.ok(order.length > 0 && order.length < 5, 'the first commit held what had come by then');
    gates.shift()?.();
    await Promise.all(answers);
    t.same(
      order,
      Array.from({ length: 30 }, (_, i) => i + 1),
      'and the others shared one',
    );
  },
);

t.test(
  'when a commit fails, what was staged on top of it fails with it, and nothing is lost of the order',
  async (t) => {
    for (let failAt = 1; failAt <= 6; failAt++) {
      let calls = 0;
      const how = {
        append: (inner: Store, appends: readonly Append[]) =>
          turns(3).then(() =>
            ++calls === failAt ? Promise.reject(new Error('once')) : inner.append(appends),
          ),
      };
      const node = await startNode(t, { ...appending(how), policy: { post: 'members' } });
      const alice = node.connect('42', 'alice');
      await turns(20);
      const ids = Array.from({ length: 40 }, () => newId());
      for (const id of ids) {
        alice.post(id, id);
        await turns(1);
      }
      await turns(20);
      await node.clock.pass(2_000);
      await node.quiet();
      if (failAt === 1) {
        t.equal(alice.closedWith, 4503, 'the join could not be stored');
        continue;
      }
      t.equal(alice.all('ack').length + alice.errors.length, 40, 'each post has its answer');
      t.ok(alice.errors.every((code) => code === 'unavailable') && alice.errors.length > 0);
      t.same(
        alice.texts,
        alice.all('ack').map(({ id }) => id),
        'shown is what was acknowledged, in order',
      );
      t.same(
        alice.seqs,
        alice.texts.map((_, i) => i + 1),
      );
      const missing = ids.filter((id) => !alice.texts.includes(id));
      missing.forEach((id) => alice.post(id, id));
      await node.quiet();
      t.equal(new Set(alice.texts).size, 40, 'and the retry brings the rest');
    }
  },
);

t.test(
  'a room that another node has written stops, says so in the log, and comes back from the store',
  async (t) => {
    const node = await startNode(t);
    const alice = await node.join('42', 'alice');
    await node.post('42', 'mine');
    const [event] = await node.store.history({ room_id: '42', after: 0, limit: 1, messages_only: true });
    const record = await node.store.load('42');
    if (!event || !record) throw new Error('nothing was stored');
    const theirs = { ...event, event_id: newId(), seq: 2 };
    t.same(await node.store.append([{ room: { ...record, head_seq: 2 }, events: [theirs] }]), ['committed']);
    t.match(await node.post('42', 'collides'), { type: 'refused', code: 'unavailable' });
    t.match(await node.post('42', 'again'), { type: 'posted', message: { seq: 3 } });
    t.ok(
      node.log.some(({ level, text }) => level === 'error' && text.includes('another node has written it')),
    );
    await node.quiet();
    t.same(alice.seqs, [1, 2, 3], 'alice sees what the other node wrote, too');
    await node.clock.pass(1_000);
    t.equal(node.engine.stats().seats, 1);
  },
);

t.test('whoever is let in on top of a commit that fails is not in, and may come back', async (t) => {
  let fail = (): void => undefined;
  const how = { append: normal };
  const node = await startNode(t, { ...appending(how), policy: { capacity: 2 } });
  const alice = await node.join('42', 'alice');
  how.append = () => new Promise((_, reject) => (fail = () => reject(new Error('the disk is full'))));
  const answer = node.post('42', 'lost');
  await turns(5);
  const bob = node.connect('42', 'bob');
  await turns(10);
  t.same(bob.frames, [], 'not before what it stands on is stored');
  how.append = normal;
  fail();
  t.match(await answer, { type: 'refused', code: 'unavailable' });
  await node.quiet();
  t.equal(bob.closedWith, 4503);
  t.same(alice.all('joined'), []);
  const carol = node.connect('42', 'carol');
  await node.clock.pass(500);
  await carol.first('welcome');
  await node.quiet();
  t.same(alice.roster, ['alice', 'carol']);
});

t.test(
  'one id posted to two rooms at the same moment is one message, and costs neither room anything',
  async (t) => {
    const node = await startNode(t);
    const id = newId();
    const answers = await Promise.all([
      node.post('42', 'before'),
      node.post('42', 'here', id),
      node.post('43', 'there', id),
      node.post('43', 'after'),
    ]);
    t.match(answers[0], { type: 'posted' });
    t.match(answers[3], { type: 'posted' });
    const twins = answers
      .slice(1, 3)
      .map((answer) => (answer.type === 'refused' ? answer.code : answer.type));
    t.same(
      twins.sort(),
      ['posted', 'unavailable'],
      'the first may still fail, so the second is not told a conflict',
    );
    const again = await Promise.all([node.post('42', 'here', id), node.post('43', 'there', id)]);
    const told = again.map((answer) => (answer.type === 'refused' ? answer.code : answer.type));
    t.same(told.sort(), ['id_conflict', 'posted']);
    t.equal((await node.store.findEvents([id])).length, 1);
  },
);

t.test('what stands behind a post that could not be stored does not overtake it', async (t) => {
  let fail = (): void => undefined;
  let found = (): void => undefined;
  const store = (inner: Store): Store => ({
    ...inner,
    append: () => new Promise((_, reject) => (fail = () => reject(new Error('the disk is full')))),
    findEvents: (ids) => new Promise((resolve) => (found = () => resolve(inner.findEvents(ids)))),
  });
  const node = await startNode(t, { store });
  const first = node.post('42', 'first');
  await turns(5);
  const second = node.post('42', 'second', newId());
  await turns(5);
  fail();
  t.match(await first, { type: 'refused', code: 'unavailable' });
  found();
  t.match(await second, { type: 'refused', code: 'unavailable' });
});

t.test(
  'a commit that comes true only after the room was rebuilt is found by the retry, and shown to who is there',
  async (t) => {
    const how = { append: normal };
    const node = await startNode(t, appending(how));
    const alice = await node.join('42', 'alice');
    await node.post('42', 'one');
    let late: (() => Promise<AppendResult[]>) | null = null;
    how.append = (inner, appends) => {
      late ??= () => inner.append(appends);
      return Promise.reject(new Error('no answer in time'));
    };
    const id = newId();
    t.match(await node.post('42', 'two', id), { type: 'refused', code: 'unavailable' });
    await node.quiet();
    how.append = normal;
    t.same(await (late as unknown as () => Promise<AppendResult[]>)(), ['committed']);
    t.same(alice.texts, ['one']);
    t.match(await node.post('42', 'two', id), { type: 'posted', message: { seq: 2 } });
    await node.quiet();
    t.same(alice.texts, ['one', 'two'], 'before anything else is posted');
    t.match(await node.post('42', 'three'), { type: 'posted', message: { seq: 3 } });
    await node.quiet();
    t.same(alice.seqs, [1, 2, 3]);
  },
);
