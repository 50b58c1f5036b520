import { ANYBODY } from '../../engine/access/grant.js';
import t from 'tap';
import { readHello } from '../../engine/hello.js';
import { Client, startNode, type Node } from '../support/engine.js';

t.test('A1.12: setting the clock of the machine neither frees a seat nor keeps it', async (t) => {
  for (const step of [-3_600_000, 3_600_000]) {
    const node = await startNode(t, { policy: { capacity: 2, grace_ms: 5_000 } });
    const alice = await node.join('42', 'alice');
    (await node.join('42', 'bob')).close();
    await node.clock.pass(1_000);
    node.clock.set(step);
    await node.clock.pass(3_000);
    t.same(alice.all('left'), [], 'not before the time of grace is over');
    await node.clock.pass(1_001);
    await node.quiet();
    t.same(alice.roster, ['alice'], 'and not after it');
  }
});

/** A guest opens the page, with what is in its address. */
function open(node: Node, query: string): { client: Client; user: string } {
  const read = readHello({ roomId: '42', query: new URLSearchParams(query), requestId: '', grant: ANYBODY });
  if ('refusal' in read) throw new Error(read.refusal.message);
  const client = new Client(node.hub, read.hello.user);
  client.connection = node.engine.connect(client, read.hello);
  return { client, user: read.hello.user };
}

t.test('A1.12: a guest who reloads the page in a room of two has the seat and the name again', async (t) => {
  const node = await startNode(t, { policy: { capacity: 2, grace_ms: 5_000 } });
  const alice = await node.join('42', 'alice');
  const before = open(node, '');
  const { resume } = await before.client.first('welcome');
  if (resume === undefined) throw new Error('the guest has nothing to come back with');
  before.client.close();
  const after = open(node, `resume=${encodeURIComponent(resume)}`);
  await after.client.first('welcome');
  t.equal(after.user, before.user);
  t.same(alice.all('left'), []);
  await node.clock.pass(60_000);
  t.same(alice.roster, ['alice', after.user].sort());
});

t.test('A1.12: nobody becomes a guest by guessing, and who has a name gets nothing to resume', async (t) => {
  const node = await startNode(t);
  const guest = open(node, '');
  await guest.client.first('welcome');
  for (const guess of [guest.user, 'guest-00000000', 'x', '%00']) {
    const read = readHello({
      roomId: '42',
      query: new URLSearchParams({ resume: guess }),
      requestId: '',
      grant: ANYBODY,
    });
    t.not('hello' in read && read.hello.user, guest.user, guess);
  }
  const bob = open(node, 'user=bob');
  t.equal((await bob.client.first('welcome')).resume, undefined);
});
