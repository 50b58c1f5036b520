import fc from 'fast-check';
import t from 'tap';
import { errorOf } from '../../../api/client/errors.js';
import { createOutbox } from '../../../api/client/outbox.js';
import { createPosts, type PostOffice, type Posts } from '../../../api/client/posts.js';
import type { OwnMessage, Sent } from '../../../api/client/types.js';

const refusal = (code: string, retry: boolean) => errorOf({ code, message: code, retry, retry_after_ms: 0 });

/** A server that takes each id once. */
function scene(change: Partial<PostOffice> = {}, limit = 100) {
  const sent: { readonly id: string; readonly text: string }[] = [];
  const log: string[] = [];
  let shown: readonly OwnMessage[] = [];
  const state = { way: 'link' as 'link' | 'http' | null, isLive: true };
  const host = {
    outbox: createOutbox(limit, undefined),
    pauseMs: () => 0,
    requestTimeoutMs: 60_000,
    user: () => 'alice',
  };
  const posts: Posts = createPosts(host, {
    room: 'r',
    way: () => state.way,
    isLive: () => state.isLive,
    overLink: (id, text) => void sent.push({ id, text }),
    overHttp: () => new Promise(() => undefined),
    changed: (all) => (shown = all),
    ...change,
  });
  const take = (id: string): Sent => {
    if (!log.includes(id)) log.push(id);
    return { id, seq: log.indexOf(id) + 1 };
  };
  return { posts, sent, log, take, state, shown: () => shown };
}

const fate = fc.constantFrom('ack', 'ack', 'message', 'lost before', 'lost after', 'refused', 'busy');

t.test('whatever happens to posts, each arrives once, in order, and is answered', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fate, { maxLength: 60 }),
      fc.integer({ min: 1, max: 8 }),
      async (fates, count) => {
        const { posts, sent, log, take, shown } = scene();
        const answers = new Map<string, string>();
        const ids = Array.from({ length: count }, (_, n) => `id ${n}`);
        for (const id of ids)
          posts.post(`text ${id}`, id).then(
            () => answers.set(id, 'sent'),
            () => answers.set(id, 'failed'),
          );
        const refused = new Set<string>();
        for (let turn = 0; answers.size < count; turn++) {
          const post = sent.shift();
          if (post) {
            const what = fates.shift() ?? 'ack';
            if (what === 'ack') posts.answered(take(post.id));
            else if (what === 'message') posts.seen({ id: post.id, seq: take(post.id).seq ?? 0 });
            else if (what === 'refused' && !log.includes(post.id)) {
              refused.add(post.id);
              posts.refused(post.id, refusal('forbidden', false));
            } else if (what === 'busy') posts.refused(post.id, refusal('rate_limited', true));
            else {
              if (what === 'lost after') take(post.id);
              posts.linkLost();
              posts.pump();
            }
          }
          await new Promise((resolve) => setTimeout(resolve));
          if (turn > 1_000) throw new Error('it never ends');
        }
        t.same(
          log,
          ids.filter((id) => !refused.has(id)),
          'in order, once',
        );
        for (const id of ids) t.equal(answers.get(id), refused.has(id) ? 'failed' : 'sent');
        t.ok(shown().every(({ id, state }) => state === (refused.has(id) ? 'failed' : 'sent')));
        posts.close();
      },
    ),
    { numRuns: 60 },
  );
});

t.test('a post carries its state, until it comes back as a message', async (t) => {
  const { posts, shown, state } = scene();
  state.way = null;
  const answer = posts.post('hello', 'id 1');
  t.match(shown(), [{ id: 'id 1', state: 'sending', seq: null, user: 'alice', error: null }]);
  state.way = 'link';
  posts.pump();
  posts.answered({ id: 'id 1', seq: 7 });
  t.same(await answer, { id: 'id 1', seq: 7 });
  t.match(shown(), [{ id: 'id 1', state: 'sent', seq: 7 }]);
  posts.seen({ id: 'id 1', seq: 7 });
  t.same(shown(), []);
});

t.test('what the room does not send, as its policy says, is handed over when the room goes on', async (t) => {
  const { posts, shown } = scene();
  void posts.post('alone', 'id 1');
  posts.answered({ id: 'id 1', seq: 7 });
  t.same(posts.passed(7), []);
  t.match(posts.passed(8), [{ id: 'id 1', text: 'alone', seq: 7 }]);
  t.same(shown(), []);
});

t.test('a failed post says why, and can be tried again or thrown away', async (t) => {
  const { posts, sent, shown } = scene();
  const why = refusal('forbidden', false);
  const first = posts.post('hello', 'id 1');
  posts.refused('id 1', why);
  await t.rejects(first, why);
  t.match(shown(), [{ state: 'failed', error: why }]);
  const second = posts.retry('id 1');
  t.match(shown(), [{ state: 'sending', error: null }]);
  t.equal(sent.length, 2);
  posts.answered({ id: 'id 1', seq: 1 });
  t.same(await second, { id: 'id 1', seq: 1 });
  const third = posts.post('no', 'id 2');
  posts.discard('id 2');
  await t.rejects(third, { code: 'closed' });
  await t.rejects(posts.retry('id 2'));
  posts.discard('id 2');
});

t.test('the outbox has a bound, and a place is free again after an answer', async (t) => {
  const { posts } = scene({}, 2);
  const first = posts.post('1', 'id 1');
  void posts.post('2', 'id 2');
  await t.rejects(posts.post('3', 'id 3'), { name: 'OutboxFullError', retry: true });
  t.equal(posts.post('again', 'id 1') instanceof Promise, true, 'one that is in it is let in');
  posts.answered({ id: 'id 1', seq: 1 });
  await first;
  void posts.post('3', 'id 3').catch(() => undefined);
  posts.answered({ id: 'id 2', seq: 2 });
  posts.answered({ id: 'id 3', seq: 3 });
});

t.test('an answer over HTTP that comes after a cut counts', async (t) => {
  let answer: (sent: Sent) => void = () => undefined;
  const { posts, state } = scene({ overHttp: () => new Promise((resolve) => (answer = resolve)) });
  state.way = 'http';
  const done = posts.post('hello', 'id 1');
  posts.linkLost();
  answer({ id: 'id 1', seq: null });
  t.same(await done, { id: 'id 1', seq: null });
});
