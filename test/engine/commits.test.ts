import t from 'tap';
import type { Append, AppendResult } from '../../engine/ports.js';
import { turns } from '../support/clock.js';
import { startNode, type Node, type NodeOptions } from '../support/engine.js';

interface Commit {
  readonly appends: readonly Append[];
  done(): void;
}

/** A node whose commits a test sees, and ends one by one. */
async function startSlow(t: Parameters<typeof startNode>[0], options: NodeOptions = {}) {
  const commits: Commit[] = [];
  const node = await startNode(t, {
    ...options,
    store: (inner) => ({
      ...inner,
      append: (appends) =>
        new Promise<AppendResult[]>((resolve, reject) =>
          commits.push({ appends, done: () => void inner.append(appends).then(resolve, reject) }),
        ),
    }),
  });
  t.teardown(() => {
    for (const commit of commits) commit.done();
    return Promise.resolve();
  });
  return { node, commits };
}

function eventsOf(commit: Commit | undefined): number {
  return commit?.appends.reduce((sum, { events }) => sum + events.length, 0) ?? 0;
}

function postAll(node: Node, rooms: number, each: number) {
  const posts = Array.from({ length: rooms * each }, (_, i) => node.post(`room-${i % rooms}`, `${i}`));
  return Promise.all(posts);
}

t.test('what gathers during a commit, of all rooms, is the next one', async (t) => {
  const { node, commits } = await startSlow(t);
  const first = node.post('42', 'first');
  await turns(20);
  t.equal(eventsOf(commits[0]), 1, 'an idle journal does not wait');
  const rest = postAll(node, 100, 3);
  await turns(50);
  t.equal(commits.length, 1, 'one at a time');
  commits[0]?.done();
  t.match(await first, { type: 'posted' });
  await turns(50);
  t.equal(commits.length, 2);
  t.equal(eventsOf(commits[1]), 300);
  commits[1]?.done();
  t.ok((await rest).every(({ type }) => type === 'posted'));
});

t.test('while a commit is under way, frames may wait for those of its events', async (t) => {
  let fails = false;
  const { node, commits } = await startSlow(t, {
    broker: (inner) => ({
      ...inner,
      publish(events) {
        t.ok(node.hub.expectsMore, 'until its events are published');
        if (fails) throw new Error('the broker is away');
        return inner.publish(events);
      },
    }),
  });
  t.notOk(node.hub.expectsMore);
  for (fails of [false, true]) {
    const post = node.post('42', 'one');
    await turns(20);
    t.ok(node.hub.expectsMore);
    commits.pop()?.done();
    t.match(await post, { type: 'posted' });
    await turns(20);
    t.notOk(node.hub.expectsMore, 'not longer, however it ends');
  }
});

t.test('a commit has a limit: what is above it waits for the next one, in order', async (t) => {
  const { node, commits } = await startSlow(t, { commitBatch: 10 });
  const first = node.post('42', 'first');
  await turns(20);
  const rest = postAll(node, 25, 1);
  await turns(50);
  for (let i = 0; i < 4; i++) {
    commits[i]?.done();
    await turns(50);
  }
  t.same(commits.map(eventsOf), [1, 10, 10, 5]);
  t.match(await first, { type: 'posted' });
  t.ok((await rest).every(({ type }) => type === 'posted'));
});

t.test('a journal that lingers lets posts gather, not longer than it was told', async (t) => {
  const { node, commits } = await startSlow(t, { commitLingerMs: 5, commitBatch: 10 });
  const one = node.post('a', 'one');
  await turns(20);
  const two = node.post('b', 'two');
  await turns(20);
  t.equal(commits.length, 0);
  t.equal(node.engine.stats().waiting.journal, 2, 'those that wait are counted');
  await node.clock.pass(5);
  t.same(commits.map(eventsOf), [2]);
  commits[0]?.done();
  t.match(await one, { type: 'posted' });
  t.match(await two, { type: 'posted' });
  const full = postAll(node, 10, 1);
  await turns(50);
  t.same(commits.map(eventsOf), [2, 10], 'a full commit does not linger');
  commits[1]?.done();
  t.ok((await full).every(({ type }) => type === 'posted'));
});

t.test('a node that stops commits what lingers', async (t) => {
  const { node, commits } = await startSlow(t, { commitLingerMs: 5 });
  const one = node.post('a', 'one');
  await turns(20);
  const stopped = node.engine.stop(1_000);
  await node.clock.pass(5);
  t.same(commits.map(eventsOf), [1]);
  commits[0]?.done();
  t.match(await one, { type: 'posted' });
  await node.clock.pass(10_000);
  await stopped;
});
