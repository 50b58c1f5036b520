import t from 'tap';
import { loadOn, SIX } from './loads.js';
import { startServer } from './server.js';

t.test('a delay of the server is in the delivery, and not in the ack', async (t) => {
  const delayMs = 60;
  const server = await startServer(t, { delayMs });
  const load = loadOn(t, server, [SIX]);
  await load.connect();
  const { delivery, ack } = (await load.run()).groups[0] ?? {};
  t.ok((delivery?.count ?? 0) > 0);
  t.ok((delivery?.p50 ?? 0) >= delayMs, `${delivery?.p50} ms`);
  t.ok((delivery?.max ?? 0) >= (delivery?.p50 ?? Infinity));
  // The ack leaves before, so it cannot have taken longer.
  t.ok((ack?.p50 ?? Infinity) <= (delivery?.p50 ?? 0));
});

t.test('on a schedule, what waits while the server stands still waits from its planned time', async (t) => {
  const stallMs = 300;
  let stalled = false;
  const server = await startServer(t, {
    before(n) {
      if (n < 50 || stalled) return;
      stalled = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs);
    },
  });
  const perSecond = 200;
  const load = loadOn(t, server, [{ ...SIX, load: { type: 'open', perSecond } }], { seconds: 1.5 });
  await load.connect();
  const { groups, faults } = await load.run();
  t.ok(stalled);
  t.match(faults, { lost: 0, doubled: 0, disordered: 0 });
  const { delivery, posts = 0, late } = groups[0] ?? {};
  // A fifth of all posts was planned while it stood still; of a closed loop it would have been two.
  t.ok((delivery?.p99 ?? 0) >= stallMs * 0.8, `p99 ${delivery?.p99} ms`);
  t.ok((delivery?.p90 ?? 0) >= stallMs * 0.3, `p90 ${delivery?.p90} ms`);
  // The schedule is kept whatever the server does.
  t.ok(Math.abs(posts - perSecond * 1.5) <= perSecond * 0.15, `${posts} posts`);
  t.ok((late?.count ?? 0) > 0);
});
