import t, { type Test } from 'tap';
import type { SocketHandler, Upgrade } from '../../adapters/uws/socket.js';
import { Arrivals } from '../../api/arrivals.js';
import { createGuard } from '../../api/origins.js';
import { createDoor } from '../../api/websocket.js';
import { Client, recording, startNode, type Line } from '../support/engine.js';
import { until } from '../support/until.js';

const UNLIMITED = {
  MAX_CONNECTIONS: 0,
  CONNECTIONS_PER_ADDRESS: 0,
  CONNECTIONS_PER_USER: 0,
  JOINS_PER_ADDRESS: 0,
};

function upgradeOf(user: string): Upgrade {
  return {
    path: '/ws/updates/channel:1',
    query: `user=${user}`,
    requestId: '',
    ip: '192.0.2.1',
    authorization: '',
    protocols: '',
    origin: '',
    host: 'localhost',
  };
}

/** Lets clients in at a door where each takes more time than there is in a turn, so that all but the first have to wait. */
async function slowDoor(t: Test) {
  const node = await startNode(t);
  const log: Line[] = [];
  const refused: string[] = [];
  const door = createDoor({
    engine: node.engine,
    log: recording(log),
    metrics: { refused: (code) => void refused.push(code), limited: () => undefined },
    guard: createGuard([], []),
    arrivals: new Arrivals(UNLIMITED, node.clock),
    isFull() {
      const end = performance.now() + 1;
      while (performance.now() < end);
      return false;
    },
  });
  const open = (user: string) => {
    const client = new Client(node.hub, user);
    const at: { handler: SocketHandler | null } = { handler: null };
    at.handler = door(client, upgradeOf(user), (handler) => (at.handler = handler));
    return { client, at };
  };
  return { node, log, refused, open };
}

t.test('who has to wait to be let in is let in, and what they have sent meanwhile is answered', async (t) => {
  const { open, node } = await slowDoor(t);
  const first = open('alice');
  const others = ['bob', 'carol', 'dave'].map(open);
  for (const { at } of others) at.handler?.frame('{"type":"ping"}');
  t.equal(node.engine.stats().connections, 1, 'only the first one is in');
  await first.client.first('welcome');
  for (const { client } of others) {
    await client.first('welcome');
    await client.first('pong');
  }
  for (const { at } of [first, ...others]) at.handler?.closed(1000, '');
  await until(() => node.engine.stats().connections === 0, { what: 'all to be gone', intervalMs: 1 });
});

t.test('who goes, or sends too much, while they wait is logged or told so, and is not let in', async (t) => {
  const { open, node, log, refused } = await slowDoor(t);
  const [first, goes, sends, last] = ['alice', 'bob', 'carol', 'dave'].map(open);
  goes?.at.handler?.closed(1006, '');
  for (let n = 0; n < 17; n++) sends?.at.handler?.frame('{"type":"ping"}');
  t.equal(sends?.client.closedWith, 4429);
  t.match(sends?.client.frames, [{ type: 'error', code: 'rate_limited' }]);
  t.same(refused, ['rate_limited']);
  await last?.client.first('welcome');
  t.equal(node.engine.stats().connections, 2);
  t.match(
    log.map(({ text, fields }) => ({ text, fields })),
    [
      {
        text: 'connection gone before it was let in',
        fields: { path: '/ws/updates/channel:1', ip: '192.0.2.1' },
      },
      { text: 'connection refused', fields: { code: 'rate_limited' } },
    ],
  );
  for (const one of [first, last]) one?.at.handler?.closed(1000, '');
  await until(() => node.engine.stats().connections === 0, { what: 'all to be gone', intervalMs: 1 });
});
