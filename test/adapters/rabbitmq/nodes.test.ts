import t, { type Test } from 'tap';
import { newId } from '../../../engine/ids.js';
import type { EphemeralEvent } from '../../../engine/messages/events.js';
import { slotOf } from '../../../engine/slots.js';
import { posted } from '../../conformance/broker-fixture.js';
import { until } from '../../support/until.js';
import { Cable } from './cable.js';
import { cleanBroker, foreign, keep, keyOf, post, startNode, type Foreign, type TestNode } from './node.js';

t.setTimeout(110_000);

async function begin(
  t: Test,
  act?: TestNode['act'],
): Promise<{ url: string; node: TestNode; service: Foreign }> {
  const url = await cleanBroker();
  const node = await startNode(url, {}, act);
  const service = await foreign(url);
  t.teardown(async () => {
    await service.close();
    await node.broker.close();
  });
  return { url, node, service };
}

const typing = { type: 'typing', room_id: '42', user: 'alice' } as const;

void t.test(
  'a node that is known only by a command of its past is among those that live, and then gone',
  async (t) => {
    const { node, service } = await begin(t, keep);
    const dead = newId();
    let known: boolean | null = null;
    node.onDelivery = () => (known ??= node.broker.nodes().has(dead));
    await service.send(keyOf('42'), [post('42', 'last words')], { type: 'parlor.commands', appId: dead });
    await until(() => node.deliveries.length === 1, { what: 'the command' });
    t.equal(known, true, 'when its command is delivered');
    await until(() => node.gone.length > 0, { what: 'its lease to be over' });
    t.same(node.gone, [dead]);
    // Handed out again it counts again: what is done for it now would otherwise stay for ever.
    node.deliveries[0]?.retry('not now', true);
    await until(() => node.deliveries.length === 2, { what: 'the command again' });
    t.equal(node.broker.nodes().has(dead), true);
    await until(() => node.gone.length > 1, { what: 'its lease to be over again' });
    t.same(node.gone, [dead, dead]);
  },
);

void t.test('what is said and is no word is counted, and the words beside it are heard', async (t) => {
  const { node, service } = await begin(t);
  const bodies = [
    '{',
    '7',
    JSON.stringify([{ type: 'no' }, typing, { ...typing, user: '' }, { ...typing, more: 1 }]),
  ];
  for (const body of bodies)
    service.channel.publish('parlor.nodes', 'all', Buffer.from(body), {
      type: 'parlor.words',
      appId: newId(),
    });
  for (const body of ['{', '{"node_id":"x","number":1}', '[]'])
    service.channel.publish('parlor.nodes', node.id, Buffer.from(body), {
      type: 'parlor.alive',
      appId: node.id,
    });
  await until(() => node.witness.drops.length === 8, { what: 'them to be counted' });
  t.same(node.words, [typing]);
  t.same(new Set(node.witness.drops), new Set(['undecodable_word']));
  t.equal(node.missedTimes, 0);
});

void t.test(
  'what is said while there is no link is lost and counted; what is said in one turn goes together',
  async (t) => {
    const { url, node, service } = await begin(t);
    const { queue } = await service.channel.assertQueue('', { exclusive: true });
    await service.channel.bindQueue(queue, 'parlor.nodes', 'all');
    const cable = await Cable.to(t, url);
    const far = await startNode(cable.url);
    t.teardown(() => far.broker.close());
    const bodies: string[] = [];
    await service.channel.consume(queue, (message) => {
      if (message?.properties.type !== 'parlor.words') return;
      t.notOk(message.properties.deliveryMode === 2, 'not persistent');
      bodies.push(message.content.toString());
    });
    for (let i = 0; i < 20; i++) far.broker.say(typing, null);
    await until(() => node.words.length === 20, { what: 'the words' });
    await until(() => bodies.length === 1, { what: 'the message' });
    await cable.end();
    await until(() => !far.broker.state().ready, { what: 'the node to notice' });
    const before = far.words.length;
    for (let i = 0; i < 3; i++) far.broker.say(typing, null);
    t.equal(far.words.length, before + 3, 'it hears itself all the same');
    t.equal(far.witness.drops.filter((reason) => reason === 'word').length, 3);
  },
);

void t.test('events that nobody stores are not written to a disk', async (t) => {
  const { node, service } = await begin(t);
  const { queue } = await service.channel.assertQueue('', { exclusive: true });
  await service.channel.bindQueue(queue, 'parlor.events', '#');
  const modes: unknown[] = [];
  await service.channel.consume(queue, (message) => modes.push(message?.properties.deliveryMode));
  const event: EphemeralEvent = { ...typing, at: '2024-01-01T00:00:00.000Z' };
  await node.broker.publish([event]);
  await node.broker.publish([event, posted(post('42', 'x'), 1)]);
  await until(() => modes.length === 2, { what: 'both' });
  t.equal(modes[1], 2, 'persistent with one that is stored');
  t.not(modes[0], 2);
});

void t.test('a node that reads slower than it is sent to is told that it has missed events', async (t) => {
  const { url, node } = await begin(t);
  const cable = await Cable.to(t, url);
  const far = await startNode(cable.url, { eventQueueLimit: 10 });
  t.teardown(() => far.broker.close());
  await far.broker.subscribe(slotOf('42'));
  cable.holdBack();
  const text = 'x'.repeat(2_000);
  // More than the sockets on the way hold, each batch a message of its own.
  for (let i = 0; i < 600; i++)
    await node.broker.publish(Array.from({ length: 30 }, (_, j) => posted(post('42', text), i * 30 + j + 1)));
  cable.mend();
  await until(() => far.missedTimes > 0, { what: 'to be told' });
  t.equal(far.witness.drops.includes('event_queue_full'), true);
  await node.broker.publish([posted(post('42', 'the last'), 99_999)]);
  await until(() => far.heard.some((event) => 'text' in event && event.text === 'the last'), {
    what: 'the last',
  });
  t.ok(far.heard.length < 18_001);
});

void t.test('what may have reached its room is not said to have not', async (t) => {
  const { url } = await begin(t);
  const cable = await Cable.to(t, url);
  const far = await startNode(cable.url, { replyTimeoutMs: 500 });
  t.teardown(() => far.broker.close());
  cable.swallows = true;
  t.match(await far.ask(post('42', 'x')), { type: 'refused', reached: 'perhaps', message: /same id/ });
  await cable.end();
  await until(() => !far.broker.state().ready, { what: 'the node to notice' });
  const answer = await far.ask({ type: 'describe', room_id: '42' });
  t.match(answer, { type: 'refused', code: 'unavailable', reached: 'no' });
  t.notMatch(JSON.stringify(answer), /127\.0\.0\.1|same id/);
  t.match(far.broker.state().reason, /127\.0\.0\.1/);
});
