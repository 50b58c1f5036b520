import fc from 'fast-check';
import t from 'tap';
import { backoffMs } from '../../../api/client/backoff.js';

const pauses = fc.record({
  minBackoffMs: fc.integer({ min: 1, max: 1_000 }),
  maxBackoffMs: fc.integer({ min: 1_000, max: 60_000 }),
});

t.test('a pause is never shorter than asked for, nor longer than the limit on top of it', async () => {
  fc.assert(
    fc.property(
      fc.nat(10_000),
      pauses,
      fc.option(fc.nat(100_000)),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempt, settings, retryAfterMs, random) => {
        const ms = backoffMs(attempt, settings, retryAfterMs, () => random);
        const least = retryAfterMs ?? 0;
        return ms >= least && ms <= least + settings.maxBackoffMs;
      },
    ),
  );
});

t.test('the jitter is full: the whole range occurs, and it doubles', async (t) => {
  const settings = { minBackoffMs: 100, maxBackoffMs: 1_000 };
  t.equal(
    backoffMs(0, settings, null, () => 0),
    0,
  );
  t.same(
    [0, 1, 2, 3, 4, 5].map((attempt) => backoffMs(attempt, settings, null, () => 1)),
    [100, 200, 400, 800, 1_000, 1_000],
  );
});
