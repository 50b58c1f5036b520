import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import t from 'tap';
import { createWaiters } from '../../adapters/sqlite/waiters.js';
import type { Store } from '../../engine/ports.js';
import { append, message, messages } from '../conformance/store-fixture.js';
import { ManualClock } from '../support/clock.js';
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
  const deaths = (): number =>
    complaints.filter((line) => line.includes('a thread of the database ended')).length;
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
  t.equal(deaths(), 1);
  void reader?.terminate();
  // The log says so: the store may be ready again before its state is looked at.
  await until(() => deaths() === 2, { what: 'the end of the reader' });
  await until(() => store.state().ready, { what: 'a new reader' });
  t.equal((await everything(store, 'a')).length, 2);
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

/** Notes when a store is closed. */
function close(store: Store): { done: boolean } {
  const closing = { done: false };
  void store.close().then(() => (closing.done = true));
  return closing;
}

for (const role of ['writer', 'reader'] as const)
  t.test(`a store is closed while its ${role} is being started again, and its file is free`, async (t) => {
    const path = join(folderOf(t), 'parlor.db');
    const { store } = make(t, path, { timeoutMs: 5_000 });
    const [writer, reader] = await threadsOf(() => store.start());
    await store.append([append('a', message('a', 1))]);
    let closing: { done: boolean } | null = null;
    let gone = false;
    const refusals: Promise<string>[] = [];
    process.once('worker', (thread) => {
      thread.once('exit', () => (gone = true));
      if (role === 'reader') refusals.push(refusal(store.load('a')));
      setImmediate(() => (closing = close(store)));
    });
    void (role === 'writer' ? writer : reader)?.terminate();
    await until(() => closing?.done, { what: 'the end of close()' });
    t.ok(gone, 'the new thread, too, has ended');
    for (const line of refusals) t.match(await line, /ended before it could begin/, 'who waited is told');
    const again = (await open(t, path)).store;
    t.equal((await everything(again, 'a')).length, 1);
  });

t.test('a store that is closed while it starts lets go of its file', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  const { store } = make(t, path);
  const started = refusal(store.start());
  const closing = close(store);
  await until(() => closing.done, { what: 'the end of close()' });
  t.match(await started, /thread ended|was closed/);
  t.match(store.state(), { ready: false, reason: 'closed' });
  await open(t, path);
});

t.test(
  'late reads are told once, and stop nothing; reads that hang do until they are answered',
  async (t) => {
    const clock = new ManualClock();
    const path = join(folderOf(t), 'parlor.db');
    const { store, complaints } = await open(t, path, { timeoutMs: 10_000, clock });
    await store.append([append('a', message('a', 1))]);
    const read = (): Promise<string> =>
      refusal(store.history({ room_id: 'a', limit: 1, messages_only: true }));

    // While this thread does not pause, no answer can come in: so the reads are late, and then they hang.
    const late = read();
    clock.jump(10_000);
    t.match(store.state(), { ready: true });
    t.match(await late, /has not answered for 10000 ms/);
    t.ok(await store.load('a'));
    const later = read();
    clock.jump(10_000);
    await later;
    t.match(store.state(), { ready: true }, 'both were answered in the end');
    t.same(
      complaints.map((line) => line.split(' {')[0]),
      ['sqlite: reads have had no answer for 10000 ms'],
    );

    t.ok(await store.load('a'));
    const hanging = read();
    clock.jump(10_000);
    clock.jump(10_000);
    t.match(store.state(), {
      ready: false,
      reason: /reads of .*parlor\.db are not answered: look at its disk/,
    });
    await hanging;
    await until(
      () => {
        clock.jump(200);
        return store.state().ready;
      },
      { what: 'the answers' },
    );
    t.same(await store.append([append('a', message('a', 2))]), ['committed']);
  },
);

t.test('reads that wait for a disk that hangs leave nothing behind when they give up', (t) => {
  const clock = new ManualClock();
  const waiters = createWaiters(clock);
  const given = Promise.all(Array.from({ length: 50 }, () => waiters.wait(100)));
  clock.jump(50);
  const told = waiters.wait(100);
  t.equal(waiters.count, 51);
  clock.jump(50);
  t.equal(waiters.count, 1);
  waiters.done();
  t.equal(waiters.count, 0);
  t.equal(clock.pending, 0);
  return Promise.all([given, told]).then((answers) => {
    t.same(answers, [Array(50).fill(false), true]);
  });
});
