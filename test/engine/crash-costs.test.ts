import t from 'tap';
import { newId } from '../../engine/ids.js';
import type { Answer } from '../../engine/messages/answers.js';
import type { Command } from '../../engine/messages/commands.js';
import type { BrokerHandlers } from '../../engine/ports.js';
import { turns } from '../support/clock.js';
import { startNode, type Client } from '../support/engine.js';

function onBoom(command: Command): void {
  if (command.type === 'post' && command.text === 'boom') throw new Error('as asked');
}

/** From now on the client's socket throws whatever it is sent. */
function breakSocket(client: Client): void {
  const broken = (): void => {
    throw new Error('the socket is broken');
  };
  Object.assign(client, { send: broken, sendSoon: broken, sendAlong: broken });
}

/** Calls, and resolves with what was rejected meanwhile and handled by nobody. */
async function unhandled(call: () => Promise<void>): Promise<unknown[]> {
  const causes: unknown[] = [];
  const others = process.listeners('unhandledRejection');
  const note = (cause: unknown): void => void causes.push(cause);
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', note);
  try {
    await call();
    await turns(20);
  } finally {
    process.off('unhandledRejection', note);
    for (const other of others) process.on('unhandledRejection', other);
  }
  return causes;
}

t.test(
  'A1.4: a socket that throws while its client is sent what it missed costs nobody else anything',
  async (t) => {
    const node = await startNode(t);
    const alice = await node.join('42', 'alice');
    for (let i = 0; i < 300; i++) await node.post('42', `${i}`);
    const causes = await unhandled(async () => {
      const bob = node.connect('42', 'bob', 0);
      breakSocket(bob);
      await node.quiet();
    });
    t.same(causes, [], 'nothing escapes');
    t.match(await node.post('42', 'and on'), { type: 'posted' });
    await node.quiet();
    t.equal(alice.texts.at(-1), 'and on');
  },
);

t.test('A1.5: an asker that throws costs nobody else the answer', async (t) => {
  const node = await startNode(t, {
    policy: { idle_ms: 1_000 },
    broker: (inner) => ({
      ...inner,
      request: (command, onAnswer) =>
        inner.request(command, (answer) => {
          onAnswer(answer);
          if (command.room_id === 'b') throw new Error('as asked');
        }),
    }),
  });
  const answers: Answer[] = [];
  for (const room of ['a', 'b', 'c', 'd'])
    void node.post(room, 'hello').then((answer) => answers.push(answer));
  await turns(50);
  t.equal(answers.length, 4);
  await node.clock.pass(600_000);
  t.match(node.engine.stats(), { rooms: 0, underWay: 0, broker: { pending: 0 } });
});

t.test('A1.10: who goes away while the audience is full is gone', async (t) => {
  const broker = { handlers: null as BrokerHandlers | null };
  let isAway = false;
  const node = await startNode(t, {
    policy: { capacity: 2, grace_ms: 1_000 },
    fault: onBoom,
    broker: (inner) => ({
      ...inner,
      start(handlers) {
        broker.handlers = handlers;
        return inner.start(handlers);
      },
    }),
    store: (inner) => ({
      ...inner,
      history: (page) => (isAway ? Promise.reject(new Error('away')) : inner.history(page)),
    }),
  });
  const alice = await node.join('42', 'alice');
  const bob = await node.join('42', 'bob');
  const at = '2025-01-01T00:00:00Z';
  isAway = true;
  // A gap that cannot be repaired, and then more than an audience can hold.
  broker.handlers?.events([
    { type: 'message_posted', event_id: newId(), room_id: '42', seq: 2, at, user: null, text: 'ahead' },
  ]);
  await turns(20);
  const typing = Array.from(
    { length: 100_100 },
    () => ({ type: 'typing', room_id: '42', at, user: 'x' }) as const,
  );
  broker.handlers?.events(typing);
  for (let i = 0; i < 40; i++) await turns(1);
  bob.close();
  isAway = false;
  await node.clock.pass(2_000);
  await node.quiet();
  await node.post('42', 'boom');
  await node.clock.pass(60_000);
  t.match(await node.request({ type: 'describe', room_id: '42' }), {
    room: { members: ['alice'], member_count: 1 },
  });
  t.same(alice.roster, ['alice']);
});

t.test('A1.12: a crash in a decision costs the others no time', async (t) => {
  const node = await startNode(t, { fault: onBoom, policy: { post: 'members' } });
  const alice = await node.join('42', 'alice');
  const bob = await node.join('42', 'bob');
  for (let i = 1; i <= 4; i++) {
    alice.post('boom');
    bob.post(`${i}`);
    await turns(50);
    t.equal(alice.texts.length, i, 'at once, though no time has passed');
  }
});

t.test(
  'A1.12: a room that crashes again and again rests, also if it is forgotten as soon as it is idle',
  async (t) => {
    const node = await startNode(t, { fault: onBoom, policy: { idle_ms: 0 } });
    let crashes = 0;
    for (let i = 0; i < 10; i++) {
      const answer = await node.post('42', 'boom');
      if (answer.type === 'refused' && answer.code === 'internal') crashes++;
      await node.clock.pass(600);
    }
    t.equal(crashes, 5, 'then it rests');
  },
);

t.test('A1.12: what was decided before a fault is answered as it was decided, and stands', async (t) => {
  const node = await startNode(t, { faultAfter: onBoom });
  const alice = await node.join('42', 'alice');
  t.match(await node.post('42', 'boom'), { type: 'posted', message: { seq: 1 } });
  t.match(await node.post('42', 'two'), { type: 'posted', message: { seq: 2 } });
  await node.clock.pass(5_000);
  await node.quiet();
  t.same(alice.texts, ['boom', 'two']);
  t.equal(node.counts.get('crashed room'), 1);
});

t.test('A1.12: in a small room a socket that throws costs nobody behind it a message', async (t) => {
  const node = await startNode(t);
  const mallory = await node.join('42', 'mallory');
  const alice = await node.join('42', 'alice');
  breakSocket(mallory);
  for (const text of ['one', 'two', 'three']) await node.post('42', text);
  await node.quiet();
  t.same(alice.texts, ['one', 'two', 'three']);
});

t.test('A1.4: a room that fails on what the store answers is supervised like any other', async (t) => {
  let record: unknown = null;
  const node = await startNode(t, {
    policy: { idle_ms: 0 },
    // A record that cannot be read: it throws as soon as the room looks at it.
    store: (inner) => ({
      ...inner,
      load: async (id) => (id === '42' && record ? (record as never) : inner.load(id)),
    }),
  });
  record = {
    get status() {
      throw new Error('unreadable');
    },
  };
  const answers: Answer[] = [];
  const causes = await unhandled(async () => {
    void node.post('42', 'hello').then((answer) => answers.push(answer));
    await turns(30);
    await node.clock.pass(60_000);
  });
  t.same(causes, [], 'nothing escapes');
  t.match(answers, [{ type: 'refused' }], 'the asker is told');
  record = null;
  t.match(
    await node.post('42', 'hello'),
    { type: 'posted' },
    'and the room works when its record can be read',
  );
});
