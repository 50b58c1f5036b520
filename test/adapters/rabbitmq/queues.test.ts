import { connect } from 'amqplib';
import t from 'tap';
import { until } from '../../support/until.js';
import { cleanBroker, foreign, keyOf, makeNode, post, startNode } from './node.js';

t.setTimeout(110_000);

const QUEUE = `parlor.commands.${keyOf('42')}`;
const MIB = 1024 * 1024;

void t.test('a queue that is full refuses commands, with words that help, and goes on later', async (t) => {
  const url = await cleanBroker();
  const node = await startNode(url, { replyTimeoutMs: 30_000 });
  await node.broker.close();
  // Somebody else is first in line, so that nothing is taken out.
  const connection = await connect(url);
  t.teardown(() => connection.close());
  const thief = await connection.createChannel();
  await thief.prefetch(1);
  await thief.consume(QUEUE, () => undefined);
  const next = await startNode(url, { replyTimeoutMs: 30_000 });
  t.teardown(() => next.broker.close());
  const service = await foreign(url);
  t.teardown(() => service.close());
  let refused = 0;
  const padding = 'x'.repeat(MIB / 2);
  const send = (): void => {
    const body = Buffer.from(JSON.stringify({ padding }));
    service.channel.publish('parlor.commands', keyOf('42'), body, { persistent: true }, (cause) => {
      if (cause) refused++;
    });
  };
  // RabbitMQ looks at the limit roughly, and after it has taken a message.
  await until(
    async () => {
      for (let i = 0; i < 4; i++) send();
      await service.channel.waitForConfirms().catch(() => undefined);
      return refused > 0;
    },
    { what: 'the queue to be full', timeoutMs: 60_000 },
  );
  const ready = await service.ready(QUEUE);
  t.ok(ready * (MIB / 2) < 96 * MIB, `${ready} messages of half a MiB were taken`);
  const answer = await next.ask(post('42', 'one too many'));
  t.match(answer, { type: 'refused', code: 'unavailable', message: /too many wait; .*same id/ });
  t.ok(next.witness.drops.includes('command_refused_by_broker'));
  const other = ['1', '2', '3', '4', '5'].find((room) => keyOf(room) !== keyOf('42')) ?? '';
  t.same(await next.ask(post(other, 'x')), { type: 'done' }, 'other partitions do not notice');
  await thief.purgeQueue(QUEUE);
  await thief.close();
  await until(async () => (await next.ask(post('42', 'again'))).type === 'done', { what: 'it to go on' });
});

void t.test('a node says what to do with queues that an older version has declared', async (t) => {
  const url = await cleanBroker();
  const connection = await connect(url);
  const channel = await connection.createChannel();
  await channel.assertQueue('parlor.commands.0', {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-single-active-consumer': true },
  });
  const node = makeNode(url, { startMs: 1_000 });
  await t.rejects(node.broker.start(node), {
    message: /the queue parlor\.commands\.0 exists with another x-\S+ than .* delete it when it is empty/,
  });
  await channel.deleteQueue('parlor.commands.0');
  await connection.close();
  const again = await startNode(url);
  t.same(await again.ask(post('42', 'x')), { type: 'done' });
  await again.broker.close();
});
