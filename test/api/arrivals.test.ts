import fc from 'fast-check';
import t from 'tap';
import { arrivalLimits } from '../../api/arrival-settings.js';
import { Arrivals } from '../../api/arrivals.js';
import { readConfig } from '../../api/config.js';
import { Tally } from '../../api/tally.js';

const clock = (elapsed: () => number) => ({ elapsed });
const NONE = {
  MAX_CONNECTIONS: 0,
  CONNECTIONS_PER_ADDRESS: 0,
  CONNECTIONS_PER_USER: 0,
  JOINS_PER_ADDRESS: 0,
};

t.test('a tally never counts more than it may, and forgets who is gone', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.tuple(fc.boolean(), fc.constantFrom('a', 'b', 'c')), { maxLength: 200 }),
      (most, steps) => {
        const tally = new Tally(most);
        const here = new Map<string, number>();
        for (const [comes, key] of steps) {
          const count = here.get(key) ?? 0;
          if (comes) {
            if (tally.add(key) !== count < most) return false;
            if (count < most) here.set(key, count + 1);
          } else if (count > 0) {
            tally.remove(key);
            here.set(key, count - 1);
          }
          if (tally.size !== [...here.values()].filter((one) => one > 0).length) return false;
        }
        return true;
      },
    ),
  );
  t.end();
});

t.test('a tally without a limit remembers nobody', (t) => {
  const tally = new Tally(0);
  for (let i = 0; i < 1_000; i++) t.ok(tally.add(`user ${i}`));
  tally.remove('user 1');
  t.equal(tally.size, 0);
  t.end();
});

t.test('all addresses of a network of IPv6 have one limit, and each of IPv4 has its own', (t) => {
  const arrivals = new Arrivals(
    { ...NONE, CONNECTIONS_PER_ADDRESS: 1 },
    clock(() => 0),
  );
  t.equal(arrivals.enter('2001:db8:0:1::1'), null);
  t.match(arrivals.enter('2001:db8:0:1:ffff::2'), { limit: 'connections_per_address', code: 'rate_limited' });
  t.equal(arrivals.enter('2001:db8:0:2::1'), null, 'the next network');
  t.equal(arrivals.enter('192.0.2.1'), null);
  t.equal(arrivals.enter('192.0.2.2'), null);
  t.ok(arrivals.enter('::ffff:192.0.2.2'), 'the same address on a socket of IPv6');
  arrivals.left('2001:db8:0:1:abc::');
  t.equal(arrivals.enter('2001:db8:0:1::3'), null);
  t.end();
});

t.test('who is told to wait may come when that time is over', (t) => {
  let now = 1_000;
  const arrivals = new Arrivals(
    { ...NONE, JOINS_PER_ADDRESS: 2 },
    clock(() => now),
  );
  for (let i = 0; i < 40; i++) t.equal(arrivals.knock('192.0.2.1'), null, '20 s worth at once');
  const turned = arrivals.knock('192.0.2.1');
  t.match(turned, { limit: 'joins_per_address', code: 'rate_limited', retry_after_ms: 500 });
  t.equal(arrivals.knock('192.0.2.2'), null);
  now += 500;
  t.equal(arrivals.knock('192.0.2.1'), null);
  t.ok(arrivals.knock('192.0.2.1'));
  t.end();
});

t.test('limits are off with AUTH=off, generous with AUTH=jwt, and what is set holds in both', (t) => {
  const limitsOf = (env: Record<string, string>) => arrivalLimits({ ...NONE_SET, ...env } as typeof NONE_SET);
  const NONE_SET = {
    ...{ AUTH: 'off' as const, MAX_CONNECTIONS: 100_000 },
    ...{ CONNECTIONS_PER_ADDRESS: 'auto', CONNECTIONS_PER_USER: 'auto', JOINS_PER_ADDRESS: 'auto' },
  };
  t.same(limitsOf({}), { ...NONE, MAX_CONNECTIONS: 100_000 });
  const withTokens = limitsOf({ AUTH: 'jwt' });
  // Several hundred people with some tabs each, who come back within a minute.
  t.ok(withTokens.CONNECTIONS_PER_ADDRESS >= 1_000 && withTokens.CONNECTIONS_PER_USER >= 50);
  t.ok(withTokens.JOINS_PER_ADDRESS * 60 >= withTokens.CONNECTIONS_PER_ADDRESS);
  for (const AUTH of ['off', 'jwt'])
    t.match(limitsOf({ AUTH, CONNECTIONS_PER_USER: '7' }), { CONNECTIONS_PER_USER: 7 });
  t.equal(readConfig({ AUTH: 'jwt', JOINS_PER_ADDRESS: '0' }).JOINS_PER_ADDRESS, 0, '0 is no limit');
  for (const wrong of ['many', '-1', '1.5', '1e3'])
    t.throws(() => readConfig({ CONNECTIONS_PER_USER: wrong }), {
      message: `CONNECTIONS_PER_USER=${JSON.stringify(wrong)} is not allowed; allowed: auto, or a whole number from 0 to 9999999`,
    });
  t.throws(() => readConfig({ MAX_CONNECTIONS: 'auto' }), { message: /whole number from 0/ });
  t.end();
});
