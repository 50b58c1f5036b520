import t from 'tap';
import { loadOn, SIX } from './loads.js';
import { startServer, type Behaviour } from './server.js';

const CLEAN = { lost: 0, doubled: 0, disordered: 0 };
const READING = 3;
const COUNTING = 4;
const POSTING = 0;
const SLOW = 5;

async function faultsOn(t: Parameters<typeof startServer>[0], behaviour: Behaviour) {
  const server = await startServer(t, behaviour);
  const load = loadOn(t, server, [SIX], { seconds: 0.3 });
  await load.connect();
  const { groups, faults } = await load.run();
  return { server, faults, group: groups[0] };
}

for (const [who, seat] of [
  ['reads', READING],
  ['posts', POSTING],
  ['only counts', COUNTING],
] as const) {
  t.test(`a message that does not come to one who ${who} is lost`, async (t) => {
    const { faults } = await faultsOn(t, {
      pass: (to, n) => (to === seat && n % 10 === 3 ? 'never' : 'once'),
    });
    t.ok(faults.lost > 0);
    t.match(faults, { doubled: 0, disordered: 0 });
    t.match(
      faults.details[0],
      new RegExp(`channel:six-0, user-${seat}: \\d+ messages of \\d+: ${faults.lost} lost`),
    );
  });

  t.test(`a message that comes twice to one who ${who} is doubled`, async (t) => {
    const { faults } = await faultsOn(t, { pass: (to, n) => (to === seat && n === 7 ? 'twice' : 'once') });
    t.match(faults, { ...CLEAN, doubled: 1 });
  });
}

t.test('every tenth message to one is lost: as many as that', async (t) => {
  let dropped = 0;
  const { faults } = await faultsOn(t, {
    pass(to, n) {
      if (to !== READING || n % 10 !== 0) return 'once';
      dropped++;
      return 'never';
    },
  });
  t.ok(dropped > 0);
  t.match(faults, { ...CLEAN, lost: dropped });
});

t.test('two messages of one poster that change places for one reader are not in order', async (t) => {
  const server = await startServer(t, {
    pass: (to, n) => (to === 2 && n === 5 ? 'after the next' : 'once'),
  });
  const load = loadOn(t, server, [{ ...SIX, posters: 1, load: { type: 'closed', inFlight: 4 } }]);
  await load.connect();
  const { faults } = await load.run();
  t.match(faults, { ...CLEAN, disordered: 1 });
  t.match(faults.details[0], /channel:six-0, user-2: .* 1 not in order/);
});

t.test('one order for some and another one for others is no order', async (t) => {
  // Each poster's own messages come in order; only the two posters' change places, and only for one who reads.
  const server = await startServer(t, {
    pass: (to, n) => (to === READING && n === 1 ? 'after the next' : 'once'),
  });
  const load = loadOn(t, server, [SIX]);
  await load.connect();
  server.hold(true);
  const { faults } = await load.run({ begun: () => server.hold(false) });
  t.match(faults, { ...CLEAN, disordered: 1 });
  t.match(faults.details[0], /channel:six-0, user-3: saw another order than the others \(1 such/);
});

t.test('posts that are refused are counted by code, and are missed by nobody', async (t) => {
  const { faults, group, server } = await faultsOn(t, {
    refuse: (n) => (n % 5 === 0 ? 'rate_limited' : null),
  });
  t.same(faults, { ...CLEAN, details: [] });
  t.ok(server.counts.refused > 0);
  t.same(group?.refused, { rate_limited: server.counts.refused });
});

t.test('connections that the server closed are counted by code, and miss nothing', async (t) => {
  const { faults, group } = await faultsOn(t, {
    before(n, server) {
      if (n === 10) server.close(COUNTING, 4508);
      if (n === 12) server.close(READING, 4508);
      if (n === 14) server.cut(POSTING);
    },
  });
  t.same(faults, { ...CLEAN, details: [] });
  t.same(group?.closed, { '4508': 2, none: 1 });
});

t.test('slow members do not read, are cut off, and miss nothing', async (t) => {
  // Only the slow one: on a busy machine others fall behind, too.
  const server = await startServer(t, { mostWaiting: { seat: SLOW, bytes: 1_000_000 } });
  const load = loadOn(t, server, [{ ...SIX, slow: 1, load: { type: 'closed', inFlight: 50 } }], {
    seconds: 3,
    textBytes: 2_000,
  });
  await load.connect();
  const { groups, faults } = await load.run();
  t.same(faults, { ...CLEAN, details: [] });
  t.same(groups[0]?.closed, { none: 1 });
});
