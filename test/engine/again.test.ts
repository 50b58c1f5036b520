import t from 'tap';
import { newId } from '../../engine/ids.js';
import type { Answer } from '../../engine/messages/answers.js';
import type { Command } from '../../engine/messages/commands.js';
import { startNode, type Node } from '../support/engine.js';

const R = { room_id: '42' };

async function eventsOf(node: Node) {
  return node.store.history({ room_id: '42', after: 0, limit: 100, messages_only: false });
}

async function all(node: Node, ...commands: Command[]): Promise<Answer[]> {
  return Promise.all(commands.map((command) => node.request(command)));
}

t.test('the event that a command causes has the id of the command', async (t) => {
  const node = await startNode(t);
  await node.join('42', 'alice');
  const ids = [newId(), newId(), newId(), newId()] as const;
  await all(
    node,
    { ...R, type: 'open', id: ids[0], policy: { capacity: 9 } },
    { ...R, type: 'kick', id: ids[1], user: 'alice' },
    { ...R, type: 'close', id: ids[2], purge: false },
    { ...R, type: 'open', id: ids[3], policy: {} },
  );
  t.match(await eventsOf(node), [
    { type: 'policy_changed', event_id: ids[0] },
    { type: 'member_kicked', event_id: ids[1] },
    { type: 'room_closed', event_id: ids[2] },
    { type: 'room_opened', event_id: ids[3] },
  ]);
});

t.test('a command without an id is given one, each its own', async (t) => {
  const node = await startNode(t);
  await all(
    node,
    { ...R, type: 'open', policy: {} },
    { ...R, type: 'close', purge: false },
    { ...R, type: 'open', policy: {} },
    { ...R, type: 'close', purge: false },
  );
  t.equal(new Set((await eventsOf(node)).map(({ event_id }) => event_id)).size, 4);
});

t.test('who sends a command twice with the same id is answered twice, and it is done once', async (t) => {
  const node = await startNode(t);
  await node.join('42', 'alice');
  const kick: Command = { ...R, type: 'kick', id: newId(), user: 'alice' };
  const close: Command = { ...R, type: 'close', id: newId(), purge: true };
  const open: Command = { ...R, type: 'open', id: newId(), policy: { capacity: 9 } };
  // In one breath: the second one comes while the first is on its way to the store.
  t.match(await all(node, kick, kick), [{ type: 'done' }, { type: 'done' }]);
  t.match(await all(node, close, close), [{ type: 'done' }, { type: 'done' }]);
  t.match(await all(node, open, open), [
    { type: 'opened', created: true },
    { type: 'opened', created: true },
  ]);
  // And later.
  const alice = await node.join('42', 'alice');
  await node.post('42', 'still here');
  t.match(await all(node, open, close), [{ type: 'opened', created: true }, { type: 'done' }]);
  t.ok(alice.isOpen, 'the room is not closed again');
  t.same(
    (await eventsOf(node)).map(({ type }) => type),
    ['room_closed', 'room_opened', 'message_posted'],
    'the kick went with what was purged',
  );
});

t.test('an id that was used for something else is refused, and costs the others nothing', async (t) => {
  const node = await startNode(t);
  const [id, message] = [newId(), newId()];
  await node.request({ ...R, type: 'open', id, policy: { capacity: 9 } });
  await node.post('42', 'Hello', message);
  await node.join('42', 'alice');
  const answers = await all(
    node,
    { ...R, type: 'open', id, policy: { capacity: 8 } },
    { ...R, type: 'close', id, purge: false },
    { ...R, type: 'kick', id: message, user: 'alice' },
    { type: 'open', room_id: 'elsewhere', id, policy: { capacity: 9 } },
    { ...R, type: 'post', id, user: null, text: 'Hello' },
    { ...R, type: 'open', id, policy: { capacity: 9 } },
    { ...R, type: 'open', id, policy: {} },
  );
  t.match(answers, [
    ...Array.from({ length: 5 }, () => ({ type: 'refused', code: 'id_conflict' })),
    { type: 'opened', created: true },
    { type: 'opened', created: true },
  ]);
  t.match(await eventsOf(node), [{ type: 'room_opened' }, { type: 'message_posted' }]);
  t.notOk([...node.counts.keys()].some((name) => name.startsWith('crashed')));
});
