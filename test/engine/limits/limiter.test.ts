import fc from 'fast-check';
import t from 'tap';
import { Limiter } from '../../../engine/limits/limiter.js';
import { ratePerSecond, UNLIMITED } from '../../../engine/limits/rate.js';

t.test('who has paused may send a burst at once, and is then told how long to wait', (t) => {
  const limiter = new Limiter(ratePerSecond(10, 2));
  for (let i = 0; i < 20; i++) t.equal(limiter.take('alice', 5_000), 0);
  t.equal(limiter.take('alice', 5_000), 100);
  t.equal(limiter.take('alice', 5_099), 1, 'a refused attempt costs nothing');
  t.equal(limiter.take('alice', 5_100), 0);
  t.equal(limiter.take('bob', 5_100), 0, 'another key has a bucket of its own');
  t.end();
});

t.test('a burst is exactly as large as it should be, whatever the rate', (t) => {
  const wrong = Array.from({ length: 300 }, (_, i) => i + 1).filter((perSecond) => {
    const limiter = new Limiter(ratePerSecond(perSecond, 5));
    let taken = 0;
    while (taken <= perSecond * 5 && limiter.take('alice', 98_765_432.123) === 0) taken++;
    return taken !== perSecond * 5;
  });
  t.same(wrong, []);
  t.end();
});

t.test('a key whose bucket is emptied waits a whole interval from then on, however often', (t) => {
  const limiter = new Limiter({ intervalMs: 100, burst: 3 });
  for (const now of [1_000, 1_050]) {
    limiter.empty('a', now);
    t.equal(limiter.waitOf('a', now), 100);
  }
  t.equal(limiter.take('a', 1_149), 1);
  t.equal(limiter.take('a', 1_150), 0);
  t.equal(limiter.take('b', 1_050), 0, 'and nobody else');
  t.end();
});

t.test('no limit is no limit, and remembers nobody', (t) => {
  const limiter = new Limiter(ratePerSecond(0, 2));
  for (let i = 0; i < 1_000; i++) t.equal(limiter.take('alice', 1), 0);
  t.equal(limiter.size, 0);
  t.equal(new Limiter(UNLIMITED).take('alice', 1), 0);
  t.end();
});

t.test('keys whose buckets are full again are forgotten', (t) => {
  const limiter = new Limiter(ratePerSecond(1, 1));
  for (let i = 0; i < 100_000; i++) limiter.take(`user ${i}`, i);
  // About 1,000 of them were there within the last second.
  t.ok(limiter.size < 10_000, `${limiter.size} are remembered`);
  t.end();
});

t.test('in any span of time nobody takes more than the burst and what the rate allows', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 200 }),
      (perSecond, burstS, pauses) => {
        const limiter = new Limiter(ratePerSecond(perSecond, burstS));
        let now = 1_000;
        const times: number[] = [];
        for (const pause of pauses) {
          now += pause;
          const wait = limiter.take('alice', now);
          if (wait === 0) times.push(now);
          // Who waits as long as they were told may send.
          else if (wait > perSecond * burstS * 1_000) return false;
        }
        return times.every((from, i) =>
          times
            .slice(i)
            .every((to, j) => j + 1 <= perSecond * burstS + ((to - from) * perSecond) / 1_000 + 1e-6),
        );
      },
    ),
  );
  t.end();
});

t.test('who waits as long as they are told is let through', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 50 }), (perSecond, times) => {
      const limiter = new Limiter(ratePerSecond(perSecond, 1));
      let now = 77;
      for (let i = 0; i < times; i++) {
        const wait = limiter.take('alice', now);
        now += Math.ceil(wait);
        if (wait > 0 && limiter.take('alice', now) > 0) return false;
      }
      return true;
    }),
  );
  t.end();
});
