import t from 'tap';
import { newId } from '../../engine/ids.js';
import type { BrokerHandlers } from '../../engine/ports.js';
import { turns } from '../support/clock.js';
import { startNode } from '../support/engine.js';

t.test(
  'A1.12: an old message that is told again does not make a new audience read the whole history',
  async (t) => {
    const broker = { handlers: null as BrokerHandlers | null, again: false };
    let reads = 0;
    const node = await startNode(t, {
      broker: (inner) => ({
        ...inner,
        start(handlers) {
          broker.handlers = handlers;
          return inner.start(handlers);
        },
        request(command, onAnswer) {
          if (command.type === 'join' && first) broker.handlers?.events([first]);
          inner.request(command, onAnswer);
        },
      }),
      store: (inner) => ({
        ...inner,
        history(page) {
          reads++;
          return inner.history(page);
        },
      }),
    });
    for (let i = 0; i < 4_000; i += 100)
      await Promise.all(Array.from({ length: 100 }, (_, j) => node.post('42', `${i + j}`)));
    await node.quiet();
    const [first] = await node.store.history({ room_id: '42', after: 0, limit: 1, messages_only: true });
    reads = 0;
    const alice = await node.join('42', 'alice');
    await node.quiet();
    t.equal(alice.all('welcome')[0]?.head_seq, 4_000);
    t.same(alice.texts, []);
    t.ok(reads <= 2, `${reads} reads`);
  },
);

t.test('A1.12: an id that only stands in a commit that fails is not taken', async (t) => {
  const held: { release: (() => void) | null } = { release: null };
  const node = await startNode(t, {
    store: (inner) => ({
      ...inner,
      append: async (appends) => {
        if (!appends.some(({ room }) => room.room_id === 'a')) return inner.append(appends);
        await new Promise<void>((release) => (held.release = release));
        throw new Error('as asked');
      },
    }),
  });
  const id = newId();
  const inA = node.post('a', 'hello', id);
  await turns(20);
  const inB = node.post('b', 'hello', id);
  await turns(20);
  held.release?.();
  t.match(await inA, { type: 'refused', code: 'unavailable' });
  const answer = await inB;
  t.not(answer.type === 'refused' && answer.code, 'id_conflict', 'that would mean: do not try again');
  t.match(await node.post('b', 'hello', id), { type: 'posted' });
});

t.test('A1.12: kick says what is the matter with the room', async (t) => {
  const node = await startNode(t);
  const kick = (room: string) => node.request({ type: 'kick', room_id: room, user: 'bob' });
  t.match(await kick('never'), { type: 'refused', code: 'room_not_found' });
  await node.post('closed', 'hello');
  await node.request({ type: 'close', room_id: 'closed', purge: false });
  t.match(await kick('closed'), { type: 'refused', code: 'room_closed' });
  await node.post('open', 'hello');
  t.match(await kick('open'), { type: 'refused', code: 'not_a_member' });
});

t.test('A1.12: who cannot be subscribed is not told where the broker is', async (t) => {
  const node = await startNode(t, {
    broker: (inner) => ({
      ...inner,
      subscribe: () => Promise.reject(new Error('connect ECONNREFUSED amqp://10.1.2.3:5672')),
    }),
  });
  const alice = node.connect('42', 'alice');
  await turns(20);
  t.equal(alice.closedWith, 4503);
  t.equal(alice.errors.length, 1);
  t.notMatch(JSON.stringify(alice.frames), /10\.1\.2\.3|amqp/);
});
