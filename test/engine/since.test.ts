import t from 'tap';
import type { Page } from '../../engine/ports.js';
import { turns } from '../support/clock.js';
import { until } from '../support/until.js';
import { startNode, type Client, type Node } from '../support/engine.js';

async function write(node: Node, count: number): Promise<void> {
  for (let i = 0; i < count; i++) void node.post('42', `${i}`);
  await node.quiet();
}

function upTo(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + 1 + i);
}

/** A room that wakes reads its newest event as well, and it is not what these tests are about. */
function isCatchUp({ after }: Page): boolean {
  return after !== undefined;
}

t.test('with since, exactly the missed messages follow the welcome, then what is new', async (t) => {
  const node = await startNode(t);
  await write(node, 500);
  for (const since of [0, 1, 250, 437, 499, 500]) {
    const client = await node.join('42', `user-${since}`, since);
    await node.quiet();
    t.equal((await client.first('welcome')).recovered, true);
    t.same(client.seqs, upTo(since, 500), `since=${since}`);
  }
  const last = await node.join('42', 'last', 490);
  await node.post('42', 'new');
  await node.quiet();
  t.same(last.seqs, upTo(490, 501));
  t.equal(last.texts.at(-1), 'new');
});

t.test('who missed more than the limit is told so, and hears only what is new', async (t) => {
  const node = await startNode(t, { recoveryLimit: 100 });
  await write(node, 200);
  const just = await node.join('42', 'just', 100);
  const tooFar = await node.join('42', 'too-far', 99);
  await node.post('42', 'new');
  await node.quiet();
  t.equal((await just.first('welcome')).recovered, true);
  t.same(just.seqs, upTo(100, 201));
  t.equal((await tooFar.first('welcome')).recovered, false);
  t.same(tooFar.seqs, [201]);
});

t.test('since=head, and since=0 in a room that has received nothing, are recovered: true', async (t) => {
  const node = await startNode(t);
  const first = await node.join('new', 'first', 0);
  t.equal((await first.first('welcome')).recovered, true, 'since=0 in a room that has received nothing');
  const second = await node.join('new', 'second', 0);
  t.equal((await second.first('welcome')).recovered, true, 'and with somebody in it');
  await write(node, 3);
  const head = await node.join('42', 'head', 3);
  t.equal((await head.first('welcome')).recovered, true, 'since=head');
  await node.post('42', 'new');
  await node.post('new', 'new');
  await node.quiet();
  t.same([first.seqs, second.seqs, head.seqs], [[1], [1], [4]], 'and what comes next is sent once');
});

t.test('a since from the future is not recovered; without since nothing is said of it', async (t) => {
  const node = await startNode(t);
  await write(node, 3);
  const ahead = await node.join('42', 'ahead', 4);
  t.equal((await ahead.first('welcome')).recovered, false);
  const plain = await node.join('42', 'plain');
  t.notOk('recovered' in (await plain.first('welcome')));
  await node.post('42', 'new');
  await node.quiet();
  t.same(ahead.seqs, [4]);
  t.same(plain.seqs, [4]);
});

t.test('who catches up while the room is busy gets nothing twice and nothing out of order', async (t) => {
  for (const delay of [0, 1, 2, 5, 9]) {
    const node = await startNode(t, {
      store: (inner) => ({
        ...inner,
        history: (page) => inner.history(page).then((events) => turns(delay).then(() => events)),
      }),
    });
    await write(node, 450);
    const clients: Client[] = [];
    for (let round = 0; round < 60; round++) {
      if (round % 6 === 0) clients.push(node.connect('42', `user-${round}`, round * 3));
      for (let i = 0; i < 4; i++) void node.post('42', `live ${round}.${i}`);
      await turns(1);
    }
    await until(() => clients.every(({ seqs }) => seqs.length > 0 && seqs.at(-1) === 690), {
      what: 'all of it',
    });
    await node.quiet();
    clients.forEach((client, i) => t.same(client.seqs, upTo(i * 18, 690), `delay ${delay}, client ${i}`));
  }
});

t.test('who catches up from a store that is ahead of the live stream gets nothing twice', async (t) => {
  for (const since of [150, 200, 249, 250]) {
    const node = await startNode(t, {
      broker: (inner) => ({
        ...inner,
        start: (handlers) =>
          inner.start({
            ...handlers,
            events: (events) => void turns(20).then(() => handlers.events(events)),
          }),
      }),
    });
    await write(node, 300);
    await turns(25);
    const alice = await node.join('42', 'alice');
    for (let i = 0; i < 30; i++) {
      void node.post('42', `live ${i}`);
      await turns(1);
    }
    const bob = node.connect('42', 'bob', since - 100);
    const carol = node.connect('42', 'carol', since);
    for (let i = 0; i < 30; i++) {
      void node.post('42', `live ${i}`);
      await turns(1);
    }
    await node.quiet();
    await turns(25);
    await node.quiet();
    t.same(alice.seqs, upTo(300, 360));
    t.same(bob.seqs, upTo(since - 100, 360));
    t.same(carol.seqs, upTo(since, 360));
  }
});

t.test(
  'a history that cannot be read ends the connection, to be tried again with the same since',
  async (t) => {
    let broken = true;
    const node = await startNode(t, {
      store: (inner) => ({
        ...inner,
        history: (page) =>
          broken && isCatchUp(page) ? Promise.reject(new Error('disk')) : inner.history(page),
      }),
    });
    await write(node, 300);
    const client = node.connect('42', 'alice', 10);
    await node.quiet();
    t.equal(client.closedWith, 4503);
    broken = false;
    const again = await node.join('42', 'alice', 10);
    await node.quiet();
    t.same(again.seqs, upTo(10, 300));
  },
);

t.test(
  'where the store has forgotten what was missed, the client does not take what is left for all of it',
  async (t) => {
    const node = await startNode(t);
    await write(node, 300);
    await node.request({ type: 'close', room_id: '42', purge: true });
    await node.request({ type: 'open', room_id: '42', policy: {} });
    await write(node, 5);
    const client = await node.join('42', 'alice', 10);
    await write(node, 1);
    t.equal((await client.first('welcome')).recovered, false, 'and is told so');
    t.same(client.seqs, [308], 'it reads what is left over HTTP');
  },
);

t.test('an event that the broker lost is read from the store before the next one is shown', async (t) => {
  const lost = new Set([2, 3, 7]);
  const node = await startNode(t, {
    broker: (inner) => ({
      ...inner,
      start: (handlers) =>
        inner.start({
          ...handlers,
          events: (events) =>
            handlers.events(events.filter((event) => !('seq' in event && lost.has(event.seq)))),
        }),
    }),
  });
  const alice = await node.join('42', 'alice');
  await write(node, 2);
  t.same(alice.seqs, [1], 'what is lost cannot be known yet');
  await write(node, 4);
  t.same(alice.seqs, upTo(0, 6));
  const bob = await node.join('42', 'bob');
  await write(node, 2);
  t.same(alice.seqs, upTo(0, 8));
  t.same(bob.seqs, [7, 8]);
});

t.test('a gap that cannot be repaired yet holds back what is behind it, and is tried again', async (t) => {
  let broken = true;
  const node = await startNode(t, {
    store: (inner) => ({
      ...inner,
      history: (page) =>
        broken && isCatchUp(page) ? Promise.reject(new Error('disk')) : inner.history(page),
    }),
    broker: (inner) => ({
      ...inner,
      start: (handlers) =>
        inner.start({
          ...handlers,
          events: (events) => handlers.events(events.filter((event) => !('seq' in event && event.seq === 2))),
        }),
    }),
  });
  const alice = await node.join('42', 'alice');
  for (let i = 0; i < 4; i++) await node.post('42', `${i}`);
  await turns(10);
  t.same(alice.seqs, [1]);
  broken = false;
  await node.clock.pass(1_000);
  await node.quiet();
  t.same(alice.seqs, [1, 2, 3, 4]);
});
