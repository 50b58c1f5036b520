import t from 'tap';
import { startParlor } from '../support/parlor.js';
import { BROKERS } from '../support/matrix.js';
import { attempt, problemOf, readRoom, seqs } from './support/chat.js';

for (const broker of BROKERS) {
  t.test(`with the ${broker.name} broker`, async (t) => {
    const parlor = await startParlor({ GRACE_MS: '60000', ...(await broker.env()) });
    t.teardown(() => parlor.end());

    t.test('opening and changing a room is told to its members, with a seq of its own', async (t) => {
      t.equal((await parlor.send('PUT', '/api/rooms/policy', { capacity: 3 })).status, 201);
      const alice = await parlor.join('policy', 'user=alice&since=0');
      t.match(await alice.next('room_opened'), { seq: 1, policy: { capacity: 3 }, at: /Z$/ });
      t.equal((await parlor.send('PUT', '/api/rooms/policy', { capacity: 1 })).status, 200);
      t.match(await alice.next('policy_changed'), { seq: 2, policy: { capacity: 1 } });
      t.equal((await parlor.send('PUT', '/api/rooms/policy', { capacity: 1 })).status, 200, 'said again');
      alice.send({ type: 'post', text: 'next' });
      t.match(await alice.next('message'), { seq: 3 }, 'saying it again was no event');
      t.equal(alice.of('policy_changed').length, 1);
      t.equal(await attempt(parlor.open('policy', 'user=bob')), 'room_full 4409');
    });

    t.test(
      'closing a room tells its members, ends them with 4410, and refuses everybody after',
      async (t) => {
        const [alice, bob] = [
          await parlor.join('closing', 'user=alice'),
          await parlor.join('closing', 'user=bob'),
        ];
        alice.send({ type: 'post', text: 'last words' });
        await alice.next('ack');
        t.equal((await parlor.send('DELETE', '/api/rooms/closing')).status, 204);
        for (const client of [alice, bob]) {
          t.same(await client.closed, { code: 4410, reason: 'room_closed' });
          t.match(client.frames.filter(({ type }) => type !== 'ack').slice(-3), [
            { type: 'message', seq: 1 },
            { type: 'room_closed', seq: 2 },
            { type: 'error', code: 'room_closed' },
          ]);
        }
        t.equal(await attempt(parlor.open('closing', 'user=alice')), 'room_closed 4410');
        const post = await parlor.post('closing', { user: 'alice', text: 'too late' });
        t.equal(post.status, 410);
        t.match(await problemOf(post), { code: 'room_closed' });
        t.match(await readRoom(parlor, 'closing'), { status: 'closed', members: [], head_seq: 2 });
        const history = (await (await parlor.get('/api/rooms/closing/messages')).json()) as {
          messages: object[];
        };
        t.match(history.messages, [{ text: 'last words' }], 'its history stays');
        t.equal(
          (await parlor.send('DELETE', '/api/rooms/closing')).status,
          204,
          'closing it again is no fault',
        );
        t.equal((await parlor.send('DELETE', '/api/rooms/nobody-was-here')).status, 404);
      },
    );

    t.test('a room that opens again goes on counting, with its history', async (t) => {
      await parlor.post('again', { text: 'one' });
      await parlor.send('DELETE', '/api/rooms/again');
      t.equal((await parlor.send('PUT', '/api/rooms/again', {})).status, 201);
      t.match(await (await parlor.post('again', { text: 'four' })).json(), { seq: 4 });
      const alice = await parlor.join('again', 'user=alice&since=0');
      await alice.count('message', 2);
      t.same(
        alice.frames.slice(1).map(({ type, seq }) => [type, seq]),
        [
          ['message', 1],
          ['room_closed', 2],
          ['room_opened', 3],
          ['message', 4],
        ],
      );
    });

    t.test('purging forgets what was said and keeps the count', async (t) => {
      const alice = await parlor.join('purge', 'user=alice');
      for (const text of ['one', 'two']) alice.send({ type: 'post', text });
      const [{ id } = { id: '' }] = await alice.count('message', 2);
      t.equal((await parlor.send('DELETE', '/api/rooms/purge?purge=true')).status, 204);
      t.equal((await alice.closed).code, 4410);
      t.equal((await parlor.get(`/api/messages/${String(id)}`)).status, 404);
      t.same(await (await parlor.get('/api/rooms/purge/messages')).json(), { messages: [], next: null });
      await parlor.send('PUT', '/api/rooms/purge', {});
      const bob = await parlor.join('purge', 'user=bob&since=0');
      await parlor.post('purge', { text: 'anew' });
      t.match(await bob.next('message'), { seq: 5, text: 'anew' });
      t.same(seqs(bob), [5], 'nothing of before, though bob asked for all');
    });

    t.test('who is removed is told, closed with 4403, and leaves the seat free at once', async (t) => {
      const alice = await parlor.join('kick', 'user=alice');
      const [phone, laptop] = [await parlor.join('kick', 'user=bob'), await parlor.join('kick', 'user=bob')];
      t.equal((await parlor.send('DELETE', '/api/rooms/kick/members/bob')).status, 204);
      for (const client of [phone, laptop]) t.same(await client.closed, { code: 4403, reason: 'forbidden' });
      t.match(await alice.next('member_kicked'), { user: 'bob', seq: 1 });
      t.equal(await attempt(parlor.open('kick', 'user=carol')), 'welcome', 'though grace is a minute');
      t.equal(alice.socket.readyState, alice.socket.OPEN);
      const again = await parlor.send('DELETE', '/api/rooms/kick/members/bob');
      t.equal(again.status, 404);
      t.match(await problemOf(again), { code: 'not_a_member' });
      const odd = await parlor.send('DELETE', `/api/rooms/kick/members/${encodeURIComponent('a/b 100% ü')}`);
      t.match(await problemOf(odd), { code: 'not_a_member', detail: /a\/b 100% ü/ });
    });
  });
}
