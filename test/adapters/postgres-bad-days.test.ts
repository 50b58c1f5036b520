import t, { type Test } from 'tap';
import type { Store } from '../../engine/ports.js';
import { append, message, messages } from '../conformance/store-fixture.js';
import { ownDatabase, startPrivatePostgres } from '../support/postgres.js';
import { startProxy, type Proxy } from '../support/proxy.js';
import { until } from '../support/until.js';
import { logLines, seqsOf, startedStore, upTo, whenNotReady, whenReady } from './postgres-fixture.js';

/** Appends one message after another to a room, as a home does: after a failure it asks the store where it stands. */
function writer(store: Store, room: string, stopped: () => boolean): Promise<Set<string>> {
  const committed = new Set<string>();
  const write = async (): Promise<Set<string>> => {
    for (let head = 0; !stopped();) {
      const next = message(room, head + 1);
      try {
        const [result] = await store.append([append(room, next)]);
        if (result === 'committed') committed.add(next.event_id);
        // Fenced by its own append that was thought lost: it stands where the store says.
        head = result === 'committed' ? head + 1 : ((await store.load(room))?.head_seq ?? 0);
      } catch {
        await whenReady(store);
        head = (await store.load(room).catch(() => null))?.head_seq ?? head;
      }
    }
    return committed;
  };
  return write();
}

t.test('PostgreSQL is killed and restarted under load: what was committed is there, once', async (t) => {
  const server = await startPrivatePostgres();
  t.teardown(() => server.close());
  const log = logLines();
  const store = await startedStore(t, server.url, { log, timeoutMs: 2_000 });
  const rooms = ['a', 'b', 'c'];
  let stop = false;
  const writers = Promise.all(rooms.map((room) => writer(store, room, () => stop)));
  let last = 0;
  const heads = async (): Promise<number> => {
    const records = await Promise.all(rooms.map((room) => store.load(room)));
    return records.reduce((sum, record) => sum + (record?.head_seq ?? 0), 0);
  };
  for (const round of upTo(4)) {
    const from = await heads();
    await until(async () => (last = await heads()) > from + 20, { what: `round ${round} to write` });
    await server.kill();
    t.match(await whenNotReady(store), /./);
    await server.start();
    await whenReady(store);
  }
  stop = true;
  const committed = await writers;
  await store.close();

  const after = await startedStore(t, server.url);
  for (const [i, room] of rooms.entries()) {
    const events = await after.history({ room_id: room, after: 0, limit: 100_000, messages_only: false });
    const ids = events.map(({ event_id }) => event_id);
    t.same(await seqsOf(after, room), upTo(events.length), 'no gap');
    t.equal(new Set(ids).size, ids.length, 'none twice');
    const known = new Set(ids);
    t.same(
      [...(committed[i] ?? [])].filter((id) => !known.has(id)),
      [],
      'none lost',
    );
  }
  t.ok(last > 80, `${last} written`);
  t.ok(log.lines.filter((line) => line.includes('can be written again')).length >= 4);
});

async function behindProxy(t: Test): Promise<{ proxy: Proxy; store: Store; direct: Store }> {
  const url = await ownDatabase();
  const proxy = await startProxy(Number(new URL(url).port || 5432));
  t.teardown(() => proxy.close());
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(proxy.port);
  const store = await startedStore(t, through.href, { timeoutMs: 500 });
  return { proxy, store, direct: await startedStore(t, url) };
}

t.test(
  'a connection that hangs is given up; the store says so, and is healthy again by itself',
  async (t) => {
    const { proxy, store, direct } = await behindProxy(t);
    t.same(await store.append([append('room', message('room', 1))]), ['committed']);
    t.equal((await store.load('room'))?.head_seq, 1);

    proxy.hang();
    const pending = [
      store.append([append('room', message('room', 2))]),
      store.append([append('other', message('other', 1))]),
      store.load('room'),
      store.history({ room_id: 'room', limit: 10, messages_only: true }),
      store.log(null, 10),
    ];
    const settled = await Promise.allSettled<unknown>(pending);
    t.same(new Set(settled.map(({ status }) => status)), new Set(['rejected']));
    t.match(store.state(), { ready: false, reason: /./ });
    await t.rejects(store.append([append('room', message('room', 2))]), 'also those that come later');
    await t.rejects(store.load('room'));

    await proxy.recover();
    await whenReady(store);
    const head = (await store.load('room'))?.head_seq ?? 0;
    t.same(await store.append([append('room', message('room', head + 1))]), ['committed']);
    t.same(await seqsOf(direct, 'room'), upTo(head + 1));
  },
);

t.test('a commit that arrives after it was given up does not change unnoticed what was read', async (t) => {
  const { proxy, store, direct } = await behindProxy(t);
  await store.append([append('room', message('room', 1))]);
  proxy.hang();
  const late = message('room', 2);
  await t.rejects(store.append([append('room', late)]));
  await t.rejects(store.append([append('room', message('room', 2))]));

  // The room goes on elsewhere, or here with another connection; only then the late one gets through.
  t.equal((await direct.load('room'))?.head_seq, 1);
  t.same(await direct.append([append('room', ...messages('room', 2, 2))]), ['committed']);
  await proxy.recover();
  await whenReady(store);
  t.equal(await store.findEvent(late.event_id), null);
  t.same(await store.append([append('room', message('room', 2))]), ['fenced']);
  t.same(await seqsOf(direct, 'room'), [1, 2, 3]);
});

t.test('a database that nobody reaches: appends reject, and after it is back they do not', async (t) => {
  const { proxy, store } = await behindProxy(t);
  for (const seq of upTo(3)) {
    t.same(await store.append([append('room', message('room', seq))]), ['committed']);
    await proxy.refuse();
    t.match(await whenNotReady(store), /ECONNREFUSED|terminated|closed|ECONNRESET/);
    await t.rejects(store.append([append('room', message('room', seq + 1))]));
    await proxy.recover();
    await whenReady(store);
    t.equal((await store.load('room'))?.head_seq, seq);
  }
});

t.test('closing lets finish what is under way, and ends also where nobody answers', async (t) => {
  const { proxy, store, direct } = await behindProxy(t);
  const committing = store.append([append('room', ...messages('room', 1, 500))]);
  const closing = store.close();
  t.same(await committing, ['committed']);
  await closing;
  t.same(await seqsOf(direct, 'room'), upTo(500));
  await t.rejects(store.append([append('room', message('room', 501))]), { message: /closed/ });
  await t.rejects(store.load('room'), { message: /closed/ });
  await until(() => proxy.open === 0, { what: 'its connections to be gone' });

  const hanging = await behindProxy(t);
  hanging.proxy.hang();
  const lost = hanging.store.append([append('room', message('room', 1))]);
  const gone = t.rejects(lost);
  await hanging.store.close();
  await gone;
});
