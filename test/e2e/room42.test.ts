import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { BROKERS } from '../support/matrix.js';
import { startParlor, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { attempt, oneTo, problemOf, readRoom, seqs, texts } from './support/chat.js';

/** Room ids that begin with this keep a seat for a minute; all others for GRACE_MS. */
const LONG = 'long-';
const SETTINGS = {
  GRACE_MS: '150',
  ROOM_PRESETS: JSON.stringify({ '': {}, [LONG]: { grace_ms: 60_000 } }),
};

for (const broker of BROKERS) {
  t.test(`with the ${broker.name} broker`, async (t) => {
    const parlor = await startParlor({ ...SETTINGS, ...(await broker.env()) });
    t.teardown(() => parlor.end());

    t.test('alice and bob get each other’s messages in order, whichever way they post', async (t) => {
      const [alice, bob] = [await parlor.join('42', 'user=alice'), await parlor.join('42', 'user=bob')];
      for (const n of oneTo(5)) {
        alice.send({ type: 'post', text: `alice ${n}` });
        await bob.count('message', 4 * n - 3);
        bob.send({ type: 'post', text: `bob ${n}` });
        await alice.count('message', 4 * n - 2);
        for (const user of ['alice', 'bob']) {
          const answer = await parlor.post('42', { user, text: `${user} rest ${n}` });
          t.equal(answer.status, 201);
        }
        await Promise.all([alice.count('message', 4 * n), bob.count('message', 4 * n)]);
      }
      t.same(seqs(alice), oneTo(20));
      t.same(bob.of('message'), alice.of('message'), 'the same messages in the same order');
      t.same(texts(bob).slice(0, 4), ['alice 1', 'bob 1', 'alice rest 1', 'bob rest 1']);
      t.equal(bob.of('message')[0]?.['user'], 'alice');
    });

    t.test('carol finds the room full, reads nothing, and gets in when bob has left', async (t) => {
      const [alice, bob] = [await parlor.join('full', 'user=alice'), await parlor.join('full', 'user=bob')];
      const carol = parlor.open('full', 'user=carol&since=0');
      t.same(await carol.closed, { code: 4409, reason: 'room_full' });
      alice.send({ type: 'post', text: 'for bob only' });
      await bob.next('message');
      t.match(carol.frames, [{ type: 'error', code: 'room_full' }]);
      t.equal(carol.frames.length, 1, 'nothing but the refusal');

      await bob.close();
      t.match(await alice.next('left'), { user: 'bob', at: /Z$/ });
      const again = await parlor.join('full', 'user=carol');
      alice.send({ type: 'post', text: 'for carol' });
      t.match(await again.next('message'), { user: 'alice', text: 'for carol', seq: 2 });
      t.same((await readRoom(parlor, 'full')).members, ['alice', 'carol']);
    });

    t.test('bob, back within the time of grace, has kept his seat', async (t) => {
      const room = `${LONG}bob`;
      const alice = await parlor.join(room, 'user=alice');
      const bob = await parlor.join(room, 'user=bob');
      await alice.count('joined', 1);
      await bob.close();
      t.equal(await attempt(parlor.open(room, 'user=carol')), 'room_full 4409');
      const back = await parlor.join(room, 'user=bob');
      alice.send({ type: 'post', text: 'welcome back' });
      t.match(await back.next('message'), { text: 'welcome back', seq: 1 });
      t.equal(alice.of('left').length, 0, 'nobody was told that he had left');
      t.equal(alice.of('joined').length, 1, 'nor that he came back');
    });

    t.test('several connections of one user are one seat', async (t) => {
      const room = `${LONG}seats`;
      const phone = await parlor.join(room, 'user=alice');
      const laptop = await parlor.join(room, 'user=alice');
      const bob = await parlor.join(room, 'user=bob');
      t.same((await readRoom(parlor, room)).members, ['alice', 'bob']);
      bob.send({ type: 'post', text: 'to both' });
      await Promise.all([phone.next('message'), laptop.next('message')]);
      await phone.close();
      bob.send({ type: 'post', text: 'to the other' });
      t.match((await laptop.count('message', 2))[1], { text: 'to the other', seq: 2 });
      t.equal(bob.of('left').length, 0, 'one of two connections gone is nobody gone');
    });

    t.test('since brings what was missed, once and in order, and goes on live', async (t) => {
      const room = `${LONG}since`;
      const alice = await parlor.join(room, 'user=alice');
      for (const n of oneTo(300)) alice.send({ type: 'post', text: `m${n}` });
      await alice.count('message', 300);
      for (const since of [0, 7, 299, 300]) {
        const bob = parlor.open(room, `user=bob&since=${since}`);
        t.match(await bob.next('welcome'), {
          recovered: true,
          head_seq: 300 + [0, 7, 299, 300].indexOf(since),
        });
        const head = (await parlor.post(room, { text: 'live' }).then((answer) => answer.json())) as {
          seq: number;
        };
        await until(() => seqs(bob).at(-1) === head.seq, { what: `seq ${head.seq} after since=${since}` });
        t.same(seqs(bob), oneTo(head.seq).slice(since));
        await bob.close();
      }
      const ahead = parlor.open(room, 'user=bob&since=9999');
      t.match(await ahead.next('welcome'), { recovered: false }, 'a seq that was never there');
    });

    t.test('typing, joined and left are shown to those who are there, and are not stored', async (t) => {
      const alice = await parlor.join('presence', 'user=alice');
      const bob = await parlor.join('presence', 'user=bob');
      t.match(await alice.next('joined'), { user: 'bob', at: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ });
      bob.send({ type: 'typing' });
      t.same(await alice.next('typing'), { type: 'typing', user: 'bob' });
      await bob.close();
      t.match(await alice.next('left'), { user: 'bob' });
      t.equal((await readRoom(parlor, 'presence')).head_seq, 0);
    });

    t.test('each post is acked with its id and seq, in the order of the posts', async (t) => {
      const alice = await parlor.join('acks', 'user=alice');
      const ids = oneTo(100).map(() => randomUUID());
      for (const id of ids) alice.send({ type: 'post', id, text: `post ${id}` });
      t.same(
        await alice.count('ack', 100),
        ids.map((id, i) => ({ type: 'ack', id, seq: i + 1 })),
      );
      await alice.count('message', 100);
      t.same(
        alice.of('message').map(({ id }) => id),
        ids,
      );
    });

    t.test('a message id sent again is one message, and told with its first seq', async (t) => {
      const [alice, id] = [await parlor.join('again', 'user=alice'), randomUUID()];
      for (let i = 0; i < 3; i++) alice.send({ type: 'post', id, text: 'once' });
      t.same(
        (await alice.count('ack', 3)).map(({ seq }) => seq),
        [1, 1, 1],
      );
      const answer = await parlor.post('again', { user: 'alice', text: 'once' }, { 'idempotency-key': id });
      t.equal(answer.status, 201);
      t.match(await answer.json(), { id, seq: 1, user: 'alice', text: 'once' });
      alice.send({ type: 'post', text: 'next' });
      await alice.count('message', 2);
      t.same(seqs(alice), [1, 2]);
    });

    t.test('a message id that belongs to another message is refused', (t) => conflict(t, parlor));
  });
}

async function conflict(t: Test, parlor: Parlor): Promise<void> {
  const [alice, id] = [await parlor.join('conflict', 'user=alice'), randomUUID()];
  alice.send({ type: 'post', id, text: 'mine' });
  await alice.next('ack');
  alice.send({ type: 'post', id, text: 'not the same' });
  t.match(await alice.next('error'), { code: 'id_conflict', id });
  for (const room of ['conflict', 'elsewhere']) {
    const answer = await parlor.post(room, { id, user: 'alice', text: 'other' });
    t.equal(answer.status, 409, `in room ${room}`);
    t.match(await problemOf(answer), { code: 'id_conflict' });
  }
  t.same(texts(alice), ['mine']);
}
