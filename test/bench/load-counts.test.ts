import t from 'tap';
import type { DialectName } from '../../bench/load/plan.js';
import { until } from '../support/until.js';
import { loadOn, READERS, SIX } from './loads.js';
import { startServer } from './server.js';

const POSTS = 400;
const DIALECTS = ['parlor', 'plain', 'socket.io', 'centrifugo'] as const satisfies DialectName[];

for (const dialect of DIALECTS) {
  t.test(`${dialect}: posts, deliveries, acks and latencies are counted exactly`, async (t) => {
    // Nothing is handled but in the window, and there the same number each time.
    const server = await startServer(t, {
      dialect,
      before(n, server) {
        if (n === POSTS) server.hold(true);
      },
    });
    server.hold(true);
    const load = loadOn(t, server, [SIX], { dialect });
    const { connections, welcome } = await load.connect();
    t.equal(connections, SIX.members);
    t.equal(welcome.count, SIX.members);
    const { groups, faults, cpuSeconds } = await load.run({
      async begun() {
        server.hold(false);
        await until(() => server.counts.posts >= POSTS, { what: 'the posts of the window' });
      },
      ended: () => server.hold(false),
    });
    t.same(faults, { lost: 0, doubled: 0, disordered: 0, details: [] });
    t.ok(cpuSeconds > 0);
    const [six] = groups;
    t.match(six, { name: 'six', posts: POSTS, deliveries: POSTS * SIX.members, refused: {}, closed: {} });
    // Those made in the window, wherever they came back.
    t.equal(six?.delivery.count, POSTS * READERS);
    const acks = dialect === 'parlor' || dialect === 'centrifugo' ? POSTS : 0;
    t.equal(six?.acks, acks);
    t.equal(six?.ack.count, acks);
    t.equal(six?.late.count, 0);
  });
}

t.test('Socket.IO and Centrifugo ask whether one is there, and are answered', async (t) => {
  for (const dialect of ['socket.io', 'centrifugo'] as const) {
    const server = await startServer(t, { dialect });
    const load = loadOn(t, server, [{ ...SIX, load: { type: 'none' } }], { dialect });
    await load.connect();
    await until(() => server.counts.typings >= SIX.members, { what: 'the answers to pings' });
  }
});

t.test('several groups, of which some rooms talk and some members type, are told apart', async (t) => {
  const server = await startServer(t);
  const load = loadOn(t, server, [
    SIX,
    { name: 'idle', rooms: 5, members: 3, talkEvery: 1, posters: 1, load: { type: 'none' } },
    {
      name: 'some',
      ...{ rooms: 9, members: 3, talkEvery: 3, posters: 1, typing: 100 },
      load: { type: 'open', perSecond: 150 },
    },
  ]);
  t.equal((await load.connect()).connections, 6 + 15 + 27);
  const { groups, faults } = await load.run();
  // A busy machine sends late, and it is told: that is no fault of the counting.
  const details = faults.details.filter((line) => !line.includes('the load was late'));
  t.same({ ...faults, details }, { lost: 0, doubled: 0, disordered: 0, details: [] });
  t.same(
    groups.map(({ name }) => name),
    ['six', 'idle', 'some'],
  );
  t.ok((groups[0]?.posts ?? 0) > 0);
  t.match(groups[1], { posts: 0, deliveries: 0, acks: 0, others: 0 });
  t.ok((groups[2]?.posts ?? 0) > 0);
  t.ok(server.counts.typings > 0);
  t.ok((groups[2]?.others ?? 0) > 0);
  t.equal(groups[0]?.others, 0);
});

t.test('a second run goes on where the first one ended', async (t) => {
  const server = await startServer(t);
  const load = loadOn(t, server, [SIX], { seconds: 0.2 });
  await load.connect();
  for (let i = 0; i < 2; i++) {
    const { faults, groups } = await load.run();
    t.same(faults, { lost: 0, doubled: 0, disordered: 0, details: [] });
    t.ok((groups[0]?.posts ?? 0) > 0);
  }
});

t.test('a plan that contradicts itself is refused, with the reason', async (t) => {
  const server = await startServer(t);
  t.throws(() => loadOn(t, server, [SIX, SIX]), /two groups have the same name/);
  t.throws(() => loadOn(t, server, [{ ...SIX, posters: 5, slow: 2 }]), /six: it has fewer members/);
  t.throws(() => loadOn(t, server, [{ ...SIX, posters: 0 }]), /six: nobody posts/);
  t.throws(
    () => loadOn(t, server, [{ ...SIX, typing: 1 }], { dialect: 'plain' }),
    /no typing in dialect plain/,
  );
  t.throws(() => loadOn(t, server, [SIX], { textBytes: 20 }), /a text has 32 bytes at least/);
});

t.test('who is refused is named when connecting fails', async (t) => {
  const server = await startServer(t, { unwelcome: (seat) => (seat === 4 ? 4403 : null) });
  await t.rejects(loadOn(t, server, [SIX]).connect(), /channel:six-0, user-4: .*forbidden/);
});
