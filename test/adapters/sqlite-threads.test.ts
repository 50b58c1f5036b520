import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import t from 'tap';
import type { Store } from '../../engine/ports.js';
import { append, message, messages } from '../conformance/store-fixture.js';
import { until } from '../support/until.js';
import { everything, folderOf, make, open, refusal } from './sqlite-fixture.js';

/** The worker threads that are made while `work` runs. */
async function threadsOf(work: () => Promise<unknown>): Promise<Worker[]> {
  const threads: Worker[] = [];
  const seen = (thread: Worker): void => void threads.push(thread);
  process.on('worker', seen);
  await work().finally(() => process.off('worker', seen));
  return threads;
}

t.test('a thread that dies is started again; what it had not answered rejects', async (t) => {
  const { store, complaints } = make(t, join(folderOf(t), 'parlor.db'));
  const [writer, reader] = await threadsOf(() => store.start());
  await store.append([append('a', message('a', 1))]);
  const unanswered = refusal(store.append([append('b', ...messages('b', 1, 20_000))]));
  void writer?.terminate();
  t.match(await unanswered, /writer's thread of the database ended/);
  t.match(store.state(), { ready: false, reason: /thread of the database ended/ });
  t.match(await refusal(store.append([append('a', message('a', 2))])), /is started again/, 'refused at once');
  await until(() => store.state().ready, { what: 'a new thread' });
  t.equal(await store.load('b'), null, 'and nothing of it is there');
  t.same(await store.append([append('a', message('a', 2))]), ['committed']);
  void reader?.terminate();
  await until(() => !store.state().ready, { what: 'the end of the reader' });
  await until(() => store.state().ready, { what: 'a new reader' });
  t.equal((await everything(store, 'a')).length, 2);
  t.ok(complaints.some((line) => line.includes('a thread of the database ended')));
});

t.test('a thread that dies again and again is given up', async (t) => {
  const { store } = make(t, join(folderOf(t), 'parlor.db'));
  const threads: Worker[] = [];
  const seen = (thread: Worker): void => {
    threads.push(thread);
    // The first two are the store's own; those it makes in their place end as soon as they have begun.
    if (threads.length > 2) thread.once('message', () => void thread.terminate());
  };
  process.on('worker', seen);
  t.teardown(() => void process.off('worker', seen));
  await store.start();
  void threads[0]?.terminate();
  await until(() => /again and again|restart Parlor/.test(store.state().reason ?? ''), {
    timeoutMs: 30_000,
    what: () => `the end, instead of ${store.state().reason ?? 'ready'}`,
  });
  t.match(await refusal(store.append([append('a', message('a', 1))])), /restart Parlor/);
});

/** Commits of `count` events that nobody else waits for. */
function heavy(store: Store, room: string, count: number): Promise<string> {
  return store
    .append([append(room, ...messages(room, 1, count))])
    .then(String, (cause: unknown) => String(cause));
}

t.test('an append that was given up on, and is committed later, is seen by whoever loads', async (t) => {
  const { store } = await open(t, join(folderOf(t), 'parlor.db'), { timeoutMs: 200 });
  const outcome = await heavy(store, 'a', 100_000);
  t.match(outcome, /has not answered for 200 ms/);
  t.match(store.state(), { ready: false, reason: /has not answered/ });
  const refusals: string[] = [];
  const answer = await until(
    () =>
      store.load('a').then(
        (known) => ({ known }),
        (cause: unknown) => void refusals.push(String(cause)),
      ),
    { timeoutMs: 30_000, what: 'an answer' },
  );
  t.match(answer?.known, { head_seq: 100_000 }, 'the first one that comes is certain');
  t.same(
    refusals.filter((line) => !/in doubt|has not answered/.test(line)),
    [],
  );
  await until(() => store.state().ready, { what: 'a disk that is in time again' });
});

t.test('reads do not wait for a large commit, and see the one before it', async (t) => {
  const { store } = await open(t, join(folderOf(t), 'parlor.db'));
  await store.append([append('a', message('a', 1))]);
  let decided = false;
  const large = heavy(store, 'b', 40_000).then(() => (decided = true));
  let reads = 0;
  while (!decided) {
    const { length } = await store.history({ room_id: 'a', limit: 10, messages_only: true });
    if (length !== 1) t.fail(`${length} events in a room that has one`);
    if (!decided) reads++;
  }
  await large;
  t.ok(reads > 3, `${reads} reads meanwhile`);
  t.equal((await store.load('b'))?.head_seq, 40_000);
});

t.test('a value that cannot be stored is refused, and the process lives', async (t) => {
  const { store } = await open(t, join(folderOf(t), 'parlor.db'));
  const wrong = { ...message('a', 1), request_id: true as unknown as string };
  t.match(await refusal(store.append([append('a', wrong)])), /holds a boolean, which cannot be stored/);
  t.equal(await store.load('a'), null);
  t.match(store.state(), { ready: true });
});
