import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { startParlor, type Env, type Parlor } from '../support/parlor.js';
import { STORES } from '../support/stores.js';
import { oneTo, problemOf, readRoom, seqs, texts } from './support/chat.js';

interface Told {
  readonly id: string;
  readonly seq: number;
  readonly text: string;
  readonly user: string | null;
}

/** Starts it, lets something happen, kills it (SIGKILL), and starts it again over what it has stored. */
async function afterKill<T>(
  t: Test,
  env: Env,
  life: (parlor: Parlor) => Promise<T>,
): Promise<{ parlor: Parlor; told: T }> {
  const first = await startParlor(env);
  t.teardown(() => first.end('SIGKILL'));
  const told = await life(first);
  await first.end('SIGKILL');
  const parlor = await startParlor(env);
  t.teardown(() => parlor.end());
  return { parlor, told };
}

async function post(parlor: Parlor, room: string, text: string, id: string = randomUUID()): Promise<Told> {
  return (await (await parlor.post(room, { id, user: 'alice', text })).json()) as Told;
}

async function json(parlor: Parlor, path: string): Promise<unknown> {
  return (await parlor.get(path)).json();
}

for (const store of STORES) {
  const { name } = store;
  t.test(`${name}: what was answered is read the same after kill -9 and a new start`, async (t) => {
    const paths = (ids: readonly string[]): string[] => [
      '/api/rooms/42/messages?after=0',
      '/api/rooms/42/messages?limit=2',
      '/api/rooms/42/messages?before=4&limit=2',
      '/api/events?room_id=42',
      '/api/events?limit=3',
      '/api/rooms',
      ...ids.flatMap((id) => [`/api/messages/${id}`, `/api/events/${id}`, `/api/events?after=${id}`]),
    ];
    const { parlor, told } = await afterKill(t, await store.env(), async (first) => {
      const alice = await first.join('42', 'user=alice');
      const ids: string[] = oneTo(3).map(() => randomUUID());
      for (const id of ids) alice.send({ type: 'post', id, text: `over the WebSocket: ${id}` });
      await alice.count('ack', ids.length);
      for (const text of ['Grüße', '東京 👩‍👩‍👧', `'; DROP TABLE parlor.events; --`])
        ids.push((await post(first, '42', text)).id);
      await post(first, 'elsewhere', 'another room');
      const answers = await Promise.all(paths(ids).map((path) => json(first, path)));
      return { ids, answers };
    });
    for (const [i, path] of paths(told.ids).entries())
      t.strictSame(await json(parlor, path), told.answers[i], path);
    const { messages } = (await json(parlor, '/api/rooms/42/messages?after=0')) as { messages: Told[] };
    t.strictSame(
      messages.map(({ id, seq }) => ({ id, seq })),
      told.ids.map((id, i) => ({ id, seq: i + 1 })),
      'all of it, in the order in which it was posted',
    );
  });

  t.test(`${name}: a WebSocket with since gets what it missed over kill -9, then goes on live`, async (t) => {
    const { parlor } = await afterKill(t, await store.env(), async (first) => {
      const bob = await first.join('42', 'user=bob');
      for (const n of oneTo(5)) await post(first, '42', `before ${n}`);
      await bob.count('message', 5);
    });
    const bob = parlor.open('42', 'user=bob&since=2');
    t.match(await bob.next('welcome'), { head_seq: 5, recovered: true });
    await bob.count('message', 3);
    t.equal((await post(parlor, '42', 'after')).seq, 6, 'the seq goes on');
    await bob.count('message', 4);
    t.same(seqs(bob), [3, 4, 5, 6]);
    t.same(texts(bob), ['before 3', 'before 4', 'before 5', 'after']);
    bob.send({ type: 'post', text: 'I am back' });
    t.match(await bob.next('ack'), { seq: 7 });
    t.equal((await readRoom(parlor, '42')).head_seq, 7);
  });

  t.test(`${name}: a post that is sent again after kill -9 is the message it was`, async (t) => {
    const { parlor, told } = await afterKill(t, await store.env(), (first) => post(first, '42', 'once'));
    const again = await parlor.post('42', { id: told.id, user: 'alice', text: 'once' });
    t.equal(again.status, 201);
    t.strictSame(await again.json(), told, 'the first answer, with its time');
    const alice = await parlor.join('42', 'user=alice');
    alice.send({ type: 'post', id: told.id, text: 'once' });
    t.match(await alice.next('ack'), { id: told.id, seq: told.seq });

    for (const [room, text] of [
      ['42', 'something else'],
      ['elsewhere', 'once'],
    ] as const) {
      const other = await parlor.post(room, { id: told.id, user: 'alice', text });
      t.equal(other.status, 409, `${text} in room ${room}`);
      t.match(await problemOf(other), { code: 'id_conflict' });
    }
    alice.send({ type: 'post', id: told.id, text: 'something else' });
    t.match(await alice.next('error'), { code: 'id_conflict', id: told.id });
    t.equal((await readRoom(parlor, '42')).head_seq, 1, 'one message');
    t.match(await json(parlor, `/api/messages/${told.id}`), { text: 'once' });
  });

  t.test(`${name}: a policy, a closed room and a purge survive kill -9`, async (t) => {
    const policy = { capacity: 7, post: 'members', retention: { max_messages: 100 } };
    const { parlor, told } = await afterKill(t, await store.env(), async (first) => {
      t.equal((await first.send('PUT', '/api/rooms/group:ops', policy)).status, 201);
      await post(first, 'over', 'the last words');
      t.equal((await first.send('DELETE', '/api/rooms/over')).status, 204);
      await post(first, 'gone', 'purged');
      t.equal((await first.send('DELETE', '/api/rooms/gone?purge=true')).status, 204);
      const ops = await readRoom(first, 'group:ops');
      return { ops, log: await json(first, '/api/events') };
    });
    t.strictSame(await readRoom(parlor, 'group:ops'), told.ops);
    t.match(told.ops, { policy, head_seq: 1 });
    t.strictSame(await json(parlor, '/api/events'), told.log, 'the log of facts');
    const refused = await parlor.post('group:ops', { text: 'from outside' });
    t.match(await problemOf(refused), { code: 'forbidden' }, 'the policy is in force');

    t.match(await readRoom(parlor, 'over'), { status: 'closed', head_seq: 2 });
    t.match(await problemOf(await parlor.post('over', { text: 'more' })), { code: 'room_closed' });
    t.match(await parlor.open('over', 'user=bob').closed, { code: 4410 });
    t.match(await json(parlor, '/api/rooms/over/messages'), { messages: [{ text: 'the last words' }] });
    t.equal((await parlor.send('PUT', '/api/rooms/over', {})).status, 201);
    t.match(await post(parlor, 'over', 'open again'), { seq: 4 }, 'its seq goes on');

    t.match(await json(parlor, '/api/rooms/gone/messages'), { messages: [] }, 'what was purged is gone');
    t.equal((await parlor.send('PUT', '/api/rooms/gone', {})).status, 201);
    t.match(await post(parlor, 'gone', 'new'), { seq: 4 }, 'and its seq goes on, too');
  });
}
