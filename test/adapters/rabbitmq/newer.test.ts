import { connect, type ConfirmChannel, type ConsumeMessage } from 'amqplib';
import t, { type Test } from 'tap';
import { newId } from '../../../engine/ids.js';
import type { Answer } from '../../../engine/messages/answers.js';
import { slotOf } from '../../../engine/slots.js';
import { posted } from '../../conformance/broker-fixture.js';
import { until } from '../../support/until.js';
import { cleanBroker, foreign, keyOf, PARTITIONS, post, startNode, type TestNode } from './node.js';

t.setTimeout(110_000);

const NEWER = { 'x-parlor-version': 2 };
const KEY = keyOf('42');

/** What a node of the next version would publish, by hand. */
async function newerNode(t: Test, url: string): Promise<ConfirmChannel> {
  const connection = await connect(url);
  t.teardown(() => connection.close());
  return connection.createConfirmChannel();
}

async function begin(t: Test): Promise<{ url: string; node: TestNode; newer: ConfirmChannel }> {
  const url = await cleanBroker();
  const node = await startNode(url);
  t.teardown(() => node.broker.close());
  return { url, node, newer: await newerNode(t, url) };
}

function body(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

void t.test('a command of a newer version is answered, kept and not carried out', async (t) => {
  const { url, node, newer } = await begin(t);
  const service = await foreign(url);
  t.teardown(() => service.close());
  const command = { ...post('42', 'from the future'), mood: 'bright' };
  const { queue } = await newer.assertQueue('', { exclusive: true });
  const answers: ConsumeMessage[] = [];
  await newer.consume(
    queue,
    (message) => {
      if (message) answers.push(message);
    },
    { noAck: true },
  );
  const send = (content: Buffer, correlationId: string, headers: object = NEWER): boolean =>
    newer.publish('parlor.commands', KEY, content, { replyTo: queue, correlationId, headers });

  send(body(command), 'one');
  await until(() => answers.length === 1, { what: 'the answer' });
  const unavailable = { type: 'refused', code: 'unavailable', message: /version 2.*up to version 1/ };
  t.match(JSON.parse(String(answers[0]?.content)), unavailable);
  t.match(answers[0]?.properties.headers, { 'x-parlor-version': 1 });
  const dead = await service.dead();
  t.match(dead, { reason: 'newer_version', detail: /version 2/, key: KEY });
  t.same(JSON.parse(dead.body), command, 'as it came');

  send(body([command, post('42', 'another')]), 'several');
  send(Buffer.from([0xff, 0x00]), 'no JSON');
  send(body([]), 'none');
  send(body(Array(200_000).fill(1)), 'far too many');
  send(body(post('42', 'no version at all')), 'odd', { 'x-parlor-version': 'newest' });
  await until(() => answers.length === 6, { what: 'the other answers' });
  const of = (id: string): unknown =>
    JSON.parse(String(answers.find(({ properties }) => properties.correlationId === id)?.content));
  t.match(of('several'), [
    [0, unavailable],
    [1, unavailable],
  ]);
  for (const id of ['no JSON', 'none', 'far too many']) t.match(of(id), unavailable, `one answer to ${id}`);
  t.match(of('odd'), { code: 'unavailable', message: /version newest/ });

  for (const headers of [{}, { 'x-parlor-version': 1 }, { 'x-parlor-version': '1' }]) {
    send(body(post('42', 'of today')), newId(), headers);
  }
  await until(() => node.texts().length === 3, { what: 'what can be read' });
  t.same(node.texts(), Array(3).fill('of today'), 'and nothing else was carried out');
  t.equal(node.witness.drops.filter((reason) => reason === 'newer_command').length, 6);
});

void t.test('a node that gets events of a newer version reads the store instead', async (t) => {
  const { node, newer } = await begin(t);
  await node.broker.subscribe(slotOf('42'));
  const publish = (seq: number, headers: object): boolean => {
    const event = posted(post('42', `m${seq}`), seq);
    return newer.publish('parlor.events', String(slotOf('42')), body([event]), { appId: newId(), headers });
  };
  for (let seq = 1; seq <= 50; seq++) publish(seq, NEWER);
  publish(51, { 'x-parlor-version': 1 });
  await until(() => node.heard.length > 0, { what: 'the one that can be read' });
  t.match(node.heard, [{ seq: 51 }]);
  t.equal(node.witness.drops.filter((reason) => reason === 'newer_event').length, 50);
  t.equal(node.missedTimes, 1, 'told at once, and of many together');
  await until(() => node.missedTimes === 2, { what: 'it to be told of the last of them' });
  t.same(node.mayBeGone, [false, false], 'its seats are not in doubt');
  t.equal(
    node.witness.lines.filter((line) => line.includes('newer Parlor')).length,
    1,
    'logged, but not 50 times',
  );
});

void t.test(
  'words of a newer version are counted and dropped, but that a node lives is understood',
  async (t) => {
    const { node, newer } = await begin(t);
    const id = newId();
    const say = (type: string, value: unknown): boolean =>
      newer.publish('parlor.nodes', 'all', body(value), { type, appId: id, headers: NEWER });
    say('parlor.words', [{ type: 'typing', room_id: '42', user: 'alice', with: 'both hands' }]);
    say('parlor.alive', { node_id: id, number: 1, mood: 'bright' });
    await until(() => node.broker.nodes().has(id), { what: 'the newer node to be known' });
    t.same(node.words, []);
    t.equal(node.witness.drops.filter((reason) => reason === 'newer_word').length, 1);
  },
);

void t.test(
  'what a node publishes says its version, and an answer of a newer one is not taken',
  async (t) => {
    const { url, node: first, newer } = await begin(t);
    await first.broker.close();
    const seen: unknown[] = [];
    const look = ({ properties }: ConsumeMessage): void =>
      void seen.push((properties.headers as Record<string, unknown>)['x-parlor-version']);
    // The home of all rooms, since it is the first in line.
    for (let partition = 0; partition < PARTITIONS; partition++)
      await newer.consume(`parlor.commands.${partition}`, (message) => {
        if (message === null) return;
        look(message);
        const answer: Answer = { type: 'done' };
        const { replyTo, correlationId } = message.properties as { replyTo: string; correlationId: string };
        newer.sendToQueue(replyTo, body([[0, answer]]), { correlationId, headers: NEWER });
        newer.ack(message);
      });
    for (const exchange of ['parlor.events', 'parlor.nodes']) {
      const { queue } = await newer.assertQueue('', { exclusive: true });
      await newer.bindQueue(queue, exchange, exchange === 'parlor.events' ? '#' : 'all');
      await newer.consume(
        queue,
        (message) => {
          if (message) look(message);
        },
        { noAck: true },
      );
    }
    const node = await startNode(url, { replyTimeoutMs: 500 });
    t.teardown(() => node.broker.close());
    await node.broker.publish([posted(post('42', 'x'), 1)]);
    node.broker.say({ type: 'typing', room_id: '42', user: 'alice' }, null);
    t.same(await node.ask(post('42', 'x')), { type: 'queued' }, 'what is known is that it was queued');
    t.equal(node.witness.drops.filter((reason) => reason === 'newer_answer').length, 1);
    // A command, an event, a word and at least a hello.
    await until(() => seen.length >= 4, { what: 'one of each' });
    t.same([...new Set(seen)], [1]);
  },
);
