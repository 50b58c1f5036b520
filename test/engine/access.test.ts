import t from 'tap';
import { createAccess } from '../../engine/access/access.js';
import { Ends } from '../../engine/access/ends.js';
import { NOBODY, type Grant } from '../../engine/access/grant.js';
import { isRevokedBy, revocationKey, type Revocation } from '../../engine/access/revocation.js';
import type { Verifier } from '../../engine/ports.js';
import type { Word } from '../../engine/messages/words.js';
import { ManualClock, turns } from '../support/clock.js';

const T0 = new ManualClock().now();

function alice(more: Partial<Grant> = {}): Grant {
  return { ...NOBODY, user: 'alice', issuedAt: T0, endsAt: T0 + 3_600_000, ...more };
}

/** An access whose tokens are verified by `verify`, and which counts how often that was done. */
function accessWith(
  verify: Verifier['verify'],
  read: (all: Revocation[]) => Promise<Revocation[]> = (all) => Promise.resolve(all),
) {
  const clock = new ManualClock();
  const kept = new Map<string, Revocation>();
  const asked: string[] = [];
  const ended: ((grant: Grant) => boolean)[] = [];
  const said: Word[] = [];
  const warned: string[] = [];
  const access = createAccess({
    verifier: {
      verify(token) {
        asked.push(token);
        return verify(token);
      },
    },
    store: {
      revoke(one) {
        kept.set(revocationKey(one), one);
        return Promise.resolve();
      },
      unrevoke: (key) => Promise.resolve(kept.delete(key)),
      revocations: () => read([...kept.values()]),
    },
    broker: { say: (word) => void said.push(word) },
    clock,
    log: { warn: (_fields, text) => void warned.push(text) },
    endRevoked: (isRevoked) => void ended.push(isRevoked),
  });
  return { access, asked, ended, said, warned, kept, clock };
}

t.test('a token is verified once, until it ends', async (t) => {
  const { access, asked, clock } = accessWith(() => Promise.resolve(alice({ endsAt: T0 + 60_000 })));
  t.equal(access.known('t'), null);
  await access.identify('t');
  t.match(access.known('t'), { user: 'alice' });
  t.match(await access.identify('t'), { user: 'alice' });
  t.equal(asked.length, 1);
  await clock.pass(60_000);
  t.equal(access.known('t'), null, 'nobody is let in with a token that is over');
});

t.test('a token is verified again after ten minutes, as its key may be gone', async (t) => {
  const { access, asked, clock } = accessWith(() => Promise.resolve(alice()));
  await access.identify('t');
  await clock.pass(599_000);
  t.ok(access.known('t'));
  await clock.pass(1_000);
  t.equal(access.known('t'), null);
  await access.identify('t');
  t.equal(asked.length, 2);
});

t.test('what is refused is not remembered', async (t) => {
  const { access, asked } = accessWith(() => Promise.resolve({ code: 'unauthorized', message: 'no' }));
  t.match(await access.identify('t'), { code: 'unauthorized' });
  t.equal(access.known('t'), null);
  t.match(await access.identify('t'), { code: 'unauthorized' });
  t.equal(asked.length, 2);
});

t.test('without a token nobody is let in, and nothing is verified', async (t) => {
  const { access, asked } = accessWith(() => Promise.resolve(alice()));
  t.match(await access.identify(null), { code: 'unauthorized' });
  t.same(asked, []);
});

t.test('a revocation is stored, told to all nodes, and holds for known tokens, too', async (t) => {
  const { access, said, ended } = accessWith(() => Promise.resolve(alice()));
  await access.identify('t');
  const revocation: Revocation = { user: 'alice', revoked_at: new Date(T0 + 1_000).toISOString() };
  await access.revoke(revocation);
  t.same(said, [{ type: 'revoked', revocation }]);
  access.revoked(revocation);
  t.equal(access.known('t'), null);
  t.match(await access.identify('t'), { code: 'unauthorized', message: /revoked/ });
  t.ok(ended[0]?.(alice()), 'her connections are ended');
  t.notOk(ended[0]?.(alice({ user: 'bob' })));
  t.ok(await access.unrevoke(revocationKey(revocation)));
  access.unrevoked(revocationKey(revocation));
  t.match(await access.identify('t'), { user: 'alice' });
});

t.test('a token that is revoked while it is verified is refused', async (t) => {
  let verified: (grant: Grant) => void = () => undefined;
  const { access } = accessWith(() => new Promise((resolve) => (verified = resolve)));
  const asked = access.identify('t');
  access.revoked({ user: 'alice', revoked_at: new Date(T0).toISOString() });
  verified(alice());
  t.match(await asked, { code: 'unauthorized' });
});

t.test('a node that has missed the news reads them', async (t) => {
  const { access, kept, ended } = accessWith(() => Promise.resolve(alice({ tokenId: 'x' })));
  await access.identify('t');
  kept.set('token:x', { token_id: 'x', revoked_at: new Date(T0).toISOString() });
  await access.reload();
  t.equal(access.known('t'), null);
  t.ok(ended[0]?.(alice({ tokenId: 'x' })));
});

t.test('news that come while revocations are read are not lost', async (t) => {
  const answers: (() => void)[] = [];
  const { access, kept } = accessWith(
    () => Promise.resolve(alice({ tokenId: 'x' })),
    (all) => new Promise((resolve) => answers.push(() => resolve(all))),
  );
  const reloaded = access.reload();
  const revocation: Revocation = { token_id: 'x', revoked_at: new Date(T0).toISOString() };
  kept.set('token:x', revocation);
  access.revoked(revocation);
  answers[0]?.();
  await turns(2);
  answers[1]?.();
  await reloaded;
  t.match(await access.identify('t'), { code: 'unauthorized' });
});

t.test('revocations that were missed are read as soon as the store answers', async (t) => {
  let isThere = false;
  const { access, kept, clock, warned } = accessWith(
    () => Promise.resolve(alice({ tokenId: 'x' })),
    (all) => (isThere ? Promise.resolve(all) : Promise.reject(new Error('away'))),
  );
  kept.set('token:x', { token_id: 'x', revoked_at: new Date(T0).toISOString() });
  access.missed();
  await clock.pass(5_500);
  t.match(await access.identify('t'), { user: 'alice' }, 'nobody knows of it yet');
  t.ok(warned.length >= 5, 'each attempt is logged');
  isThere = true;
  await clock.pass(1_000);
  t.match(await access.identify('t'), { code: 'unauthorized' });
  t.equal(clock.pending, 0, 'and then no more is tried');
});

t.test('a revocation of a user covers what was issued until then', (t) => {
  const revocation: Revocation = { user: 'alice', revoked_at: new Date(T0 + 700).toISOString() };
  t.ok(isRevokedBy(alice({ issuedAt: T0 }), revocation), 'times of issue are whole seconds');
  t.ok(isRevokedBy(alice({ issuedAt: null }), revocation), 'a token that does not say when it was issued');
  t.notOk(isRevokedBy(alice({ issuedAt: T0 + 1_000 }), revocation), 'a newer one is good');
  t.notOk(isRevokedBy(alice({ user: 'bob' }), revocation));
  const byToken: Revocation = { token_id: 'x', revoked_at: new Date(T0).toISOString() };
  t.ok(isRevokedBy(alice({ tokenId: 'x', issuedAt: T0 + 60_000 }), byToken));
  t.notOk(isRevokedBy(alice(), byToken));
  t.end();
});

t.test(
  'things end at their time, whatever order they were added in, and whoever was removed does not',
  async (t) => {
    const clock = new ManualClock();
    const ends = new Ends(clock);
    const over: string[] = [];
    const add = (name: string, ms: number) => {
      const one = { over: () => void over.push(name) };
      ends.add(one, T0 + ms);
      return one;
    };
    add('late', 10_000);
    add('soon', 1_000);
    const gone = add('gone', 1_000);
    ends.remove(gone, T0 + 1_000);
    await clock.pass(900);
    t.same(over, [], 'never too early');
    await clock.pass(350);
    t.same(over, ['soon']);
    await clock.pass(9_000);
    t.same(over, ['soon', 'late']);
    add('again', 11_000);
    await clock.pass(1_500);
    t.same(over, ['soon', 'late', 'again'], 'also after a time in which there was nothing to end');
  },
);
