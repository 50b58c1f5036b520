import t from 'tap';
import { loadOn, SIX } from './loads.js';
import { startServer } from './server.js';

const GROUPS = [SIX, { ...SIX, name: 'still', rooms: 2, load: { type: 'none' } as const }];
const EVERYBODY = 3 * SIX.members;

t.test('all drop, miss some messages, come back with since, and have everything', async (t) => {
  const missed: number[] = [];
  const server = await startServer(t, {
    recover(_seat, messages) {
      missed.push(messages.length);
      return messages;
    },
  });
  const load = loadOn(t, server, GROUPS, { seconds: 0.2 });
  await load.connect();
  await load.run();
  for (let round = 0; round < 2; round++) {
    missed.length = 0;
    const back = await load.reconnect();
    // One of the room that talks stays, and posts five.
    t.equal(back.connections, EVERYBODY - 1);
    t.equal(back.welcome.count, EVERYBODY - 1);
    t.equal(back.recovered, EVERYBODY);
    t.same(missed.sort(), [...Array<number>(12).fill(0), ...Array<number>(5).fill(5)]);
  }
  const { faults } = await load.run();
  t.same(faults, { lost: 0, doubled: 0, disordered: 0, details: [] });
});

t.test('who does not get all of it has not recovered', async (t) => {
  const server = await startServer(t, {
    recover: (seat, messages) =>
      seat === 5 ? messages.slice(1) : seat === 3 ? messages.slice(0, -1) : messages,
  });
  const load = loadOn(t, server, GROUPS);
  await load.connect();
  t.equal((await load.reconnect()).recovered, EVERYBODY - 2);
});

t.test('only Parlor knows since', async (t) => {
  const server = await startServer(t, { dialect: 'plain' });
  await t.rejects(loadOn(t, server, [SIX], { dialect: 'plain' }).reconnect(), /no since in dialect plain/);
});
