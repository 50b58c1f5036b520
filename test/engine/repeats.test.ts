import t from 'tap';
import { notDelivered } from '../../engine/messages/answers.js';
import { newId } from '../../engine/ids.js';
import type { Delivery, Store } from '../../engine/ports.js';
import { turns } from '../support/clock.js';
import { startNode } from '../support/engine.js';

t.test('somebody who repeats a post again and again costs the others in the room nothing', async (t) => {
  const slow = (inner: Store): Store => ({
    ...inner,
    append: async (appends) => {
      await turns(3);
      return inner.append(appends);
    },
    findEvents: async (ids) => {
      const found = await inner.findEvents(ids);
      await turns(6);
      return found;
    },
  });
  const node = await startNode(t, { store: slow });
  const ids = Array.from({ length: 40 }, newId);
  const repeats: ReturnType<typeof node.post>[] = [];
  const others: ReturnType<typeof node.post>[] = [];
  for (const id of ids) {
    for (let copy = 0; copy < 4; copy++) {
      repeats.push(node.post('42', 'again', id));
      // With an id of its own, so that the store is asked while the copies are in flight.
      others.push(node.post('42', 'once', newId()));
      await turns(1);
    }
  }
  const answers = await Promise.all([...repeats, ...others]);
  t.same([...new Set(answers.map(({ type }) => type))], ['posted'], 'every post is accepted');
  const stored = await node.store.history({ room_id: '42', after: 0, limit: 1_000, messages_only: true });
  t.equal(stored.length, ids.length + others.length, 'and each is one message');
});

t.test('a purge forgets what was there before it, and nothing that is posted after it', async (t) => {
  const node = await startNode(t);
  await node.post('42', 'old');
  const room_id = '42';
  const answers = await Promise.all([
    node.request({ type: 'close', room_id, purge: true }),
    node.request({ type: 'open', room_id, policy: {} }),
    node.post('42', 'one'),
    node.post('42', 'two'),
  ]);
  t.same(
    answers.map(({ type }) => type),
    ['done', 'opened', 'posted', 'posted'],
  );
  const stored = await node.store.history({ room_id, after: 0, limit: 10, messages_only: false });
  t.same(
    stored.map(({ type, seq }) => [seq, type]),
    [
      [2, 'room_closed'],
      [3, 'room_opened'],
      [4, 'message_posted'],
      [5, 'message_posted'],
    ],
  );
});

t.test(
  'a seat given to a join that outlived its connection is free again after the time of grace',
  async (t) => {
    for (const stale of ['redelivered', 'of another node'] as const) {
      const node = await startNode(t, {
        policy: { capacity: 1 },
        broker: (inner) => ({
          ...inner,
          start: (handlers) =>
            inner.start({
              ...handlers,
              command(delivery: Delivery) {
                const again = stale === 'redelivered';
                handlers.command({
                  command: delivery.command,
                  session: delivery.session,
                  redelivered: again,
                  mustWait: false,
                  settle: (answer, published) => delivery.settle(answer, published),
                  retry: (reason) => delivery.retry(reason),
                });
              },
            }),
        }),
      });
      const node_id = stale === 'redelivered' ? node.engine.nodeId : newId();
      const join = { type: 'join', room_id: '42', user: 'ghost', connection_id: newId(), node_id } as const;
      t.match(await node.request(join), { type: 'joined' });
      await node.quiet();
      t.equal(node.engine.stats().seats, 1);
      // The grace of 5 s begins when its node should have asserted it.
      await node.clock.pass(8_000);
      t.equal(node.engine.stats().seats, 0, stale);

      const alive = await node.join('42', 'alive');
      await node.clock.pass(6_000);
      t.equal(node.engine.stats().seats, 1, 'a connection that is there asserts its seat and keeps it');
      t.ok(alive.isOpen);
    }
  },
);

t.test('a connection whose join was not answered gives back the seat that it may have got', async (t) => {
  const node = await startNode(t, {
    policy: { capacity: 1, grace_ms: 0 },
    broker: (inner) => ({
      ...inner,
      request(command, onAnswer) {
        const unsure = command.type === 'join' && command.user === 'alice';
        inner.request(command, (answer) =>
          onAnswer(unsure ? notDelivered('perhaps', { code: 'unavailable', message: 'no answer' }) : answer),
        );
      },
    }),
  });
  const alice = node.connect('42', 'alice');
  await node.quiet();
  t.equal(alice.closedWith, 4503);
  await node.clock.pass(10);
  const bob = await node.join('42', 'bob');
  t.ok(bob.isOpen);
});

t.test(
  'a post with the id of an event that is no message is told so, and costs nobody anything',
  async (t) => {
    const node = await startNode(t);
    await node.request({ type: 'open', room_id: '42', policy: {} });
    const [opened] = await node.store.history({ room_id: '42', after: 0, limit: 1, messages_only: false });
    const id = opened?.event_id ?? '';
    const answers = await Promise.all([
      node.post('42', 'before'),
      node.post('42', 'its id is taken', id),
      node.post('42', 'behind'),
      node.post('elsewhere', 'its id is taken', id),
    ]);
    t.match(answers[0], { type: 'posted', message: { seq: 2 } });
    t.match(answers[1], { type: 'refused', code: 'id_conflict', message: /no message/ });
    t.match(answers[2], { type: 'posted', message: { seq: 3 } });
    t.match(answers[3], { type: 'refused', code: 'id_conflict' });
  },
);
