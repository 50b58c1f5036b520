import t, { type Test } from 'tap';
import { startParlor, type Client, type Parlor } from '../support/parlor.js';
import { ownDatabase } from '../support/postgres.js';
import { ownVhost } from '../support/rabbitmq.js';
import { ALL_RIGHTS, inSeconds, JWT_ENV, token } from '../support/tokens.js';
import { until } from '../support/until.js';

t.setTimeout(240_000);

const ROOM = 'channel:1';
const rooms = [{ room: 'channel:*', may: ALL_RIGHTS }];
const bearer = (given: string) => ({ authorization: `Bearer ${given}` });

interface Nodes {
  readonly nodes: readonly Parlor[];
  readonly start: () => Promise<Parlor>;
}

async function startNodes(t: Test): Promise<Nodes> {
  const shared = {
    ...{ BROKER: 'rabbitmq', AMQP_URL: await ownVhost(), PARTITIONS: '4' },
    ...{ STORE: 'postgres', DATABASE_URL: await ownDatabase(), DATABASE_POOL: '1' },
    ...JWT_ENV,
  };
  const start = async (): Promise<Parlor> => {
    const parlor = await startParlor(shared);
    t.teardown(() => parlor.end('SIGKILL'));
    return parlor;
  };
  const first = await start();
  return { nodes: [first, ...(await Promise.all([start(), start()]))], start };
}

function join(parlor: Parlor, given: string, more = ''): Promise<Client> {
  return parlor.join(ROOM, `access_token=${given}${more}`);
}

/** How long after `since` each of these was closed, ms; with which code. */
function endings(clients: readonly Client[], since: number): Promise<{ code: number; ms: number }[]> {
  return Promise.all(
    clients.map(async ({ closed }) => ({
      code: (await closed).code,
      ms: Math.round(performance.now() - since),
    })),
  );
}

t.test('what one node revokes is revoked on all nodes, also on one that starts later', async (t) => {
  const { nodes, start } = await startNodes(t);
  const [first] = nodes;
  if (!first) throw new Error('no node');
  const service = bearer(await token({ sub: 'office', scope: 'service' }));
  const alice = await token({ sub: 'alice', rooms });
  const bob = await token({ sub: 'bob', rooms, jti: 'bob-1' });
  const hers = await Promise.all(nodes.map((node) => join(node, alice)));
  const his = await Promise.all(nodes.map((node) => join(node, bob)));

  const since = performance.now();
  const revoked = await first.send('PUT', '/api/revocations/users/alice', undefined, service);
  t.equal(revoked.status, 200);
  const ended = await endings(hers, since);
  t.same(
    ended.map(({ code }) => code),
    [4401, 4401, 4401],
  );
  t.comment(`a user's connections on three nodes ended after ${ended.map(({ ms }) => ms).join(', ')} ms`);
  for (const [n, node] of nodes.entries()) {
    t.equal(
      (await node.post(ROOM, { text: 'Hello' }, bearer(alice))).status,
      401,
      `node ${n + 1} refuses the token`,
    );
    t.equal(his[n]?.socket.readyState, 1, 'nobody else is disturbed');
  }
  const newer = await token({ sub: 'alice', rooms, iat: Math.floor(inSeconds(2)) });
  t.equal(
    (await first.post(ROOM, { text: 'back' }, bearer(newer))).status,
    201,
    'a token issued later is good',
  );

  const fourth = await start();
  t.equal(
    (await fourth.post(ROOM, { text: 'Hello' }, bearer(alice))).status,
    401,
    'a node that starts later',
  );

  const second = performance.now();
  t.equal((await fourth.send('PUT', '/api/revocations/tokens/bob-1', undefined, service)).status, 200);
  const his4401 = await endings(his, second);
  t.same(
    his4401.map(({ code }) => code),
    [4401, 4401, 4401],
  );
  t.comment(`one token's connections ended after ${his4401.map(({ ms }) => ms).join(', ')} ms`);
  const another = await token({ sub: 'bob', rooms, jti: 'bob-2' });
  const back = await join(first, another);
  t.same(back.of('left'), [], 'he may come in with another token');

  t.equal((await first.send('DELETE', '/api/revocations/users/alice', undefined, service)).status, 204);
  for (const node of [...nodes, fourth])
    await until(async () => (await node.post(ROOM, { text: 'again' }, bearer(alice))).status === 201, {
      what: 'the revocation to be taken back on every node',
    });
});

t.test('a user is disconnected from all nodes, and may come back', async (t) => {
  const { nodes } = await startNodes(t);
  const service = bearer(await token({ sub: 'office', scope: 'service' }));
  const alice = await token({ sub: 'alice', rooms });
  const hers = await Promise.all(nodes.map((node) => join(node, alice)));
  const since = performance.now();
  const answer = await nodes[1]?.send('DELETE', '/api/users/alice/connections', undefined, service);
  t.equal(answer?.status, 204);
  const ended = await endings(hers, since);
  t.same(
    ended.map(({ code }) => code),
    [4401, 4401, 4401],
  );
  t.comment(`disconnected after ${ended.map(({ ms }) => ms).join(', ')} ms`);
  for (const node of nodes) t.equal((await join(node, alice)).of('welcome').length, 1);
});

t.test('a token ends on time while the room moves to another node', async (t) => {
  const { nodes } = await startNodes(t);
  const service = bearer(await token({ sub: 'office', scope: 'service' }));
  const [first, ...others] = nodes;
  if (!first) throw new Error('no node');
  t.equal((await first.post(ROOM, { text: 'Hello' }, service)).status, 201);
  const lasting = await token({ sub: 'bob', rooms });
  const bobs = await Promise.all(others.map((node) => join(node, lasting)));
  const ends = inSeconds(3) * 1_000;
  const alices = await Promise.all(
    others.map(async (node) => join(node, await token({ sub: 'alice', rooms, exp: ends / 1_000 }))),
  );
  // The oldest node is the home of some rooms; all of them move while it drains.
  const gone = first.end();
  const codes = await Promise.all(alices.map(async ({ closed }) => (await closed).code));
  const late = Date.now() - ends;
  t.same(codes, [4401, 4401]);
  t.ok(late >= 0, 'not before its time');
  t.comment(`ended ${Math.round(late)} ms after the token`);
  t.equal(await gone, 0);
  for (const bob of bobs) t.equal(bob.socket.readyState, 1, 'who has a token that lasts stays');
});
