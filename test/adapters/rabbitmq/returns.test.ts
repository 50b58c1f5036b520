import t from 'tap';
import { startPrivateRabbit } from '../../support/rabbitmq.js';
import { until } from '../../support/until.js';
import { Cable } from './cable.js';
import { cleanBroker, done, foreign, keep, keyOf, makeNode, post, startNode, takeAndDie } from './node.js';

t.setTimeout(110_000);

const QUEUE = `parlor.commands.${keyOf('42')}`;

void t.test('an outage of the store, with lost connections and a restart, costs no command', async (t) => {
  const url = await cleanBroker();
  const cable = await Cable.to(t, url);
  let ready = true;
  const node = await startNode(cable.url, { isStoreReady: () => ready }, keep);
  const service = await foreign(url);
  t.teardown(() => service.close());
  const texts = Array.from({ length: 10 }, (_, i) => `${i}`);
  for (const text of texts) await service.send(keyOf('42'), post('42', text));
  await until(() => node.deliveries.length === 10, { what: 'the commands' });
  ready = false;
  for (let i = 0; i < 7; i++) {
    cable.cut();
    await until(() => !node.broker.state().ready, { what: 'the node to notice', intervalMs: 1 });
    await until(() => node.broker.state().ready, { what: 'the node to be back', timeoutMs: 20_000 });
  }
  t.equal(node.deliveries.length, 10, 'what cannot be stored is left where it is safe');
  t.equal(await service.ready(QUEUE), 10);
  // Killed: nothing of it is left.
  await cable.end();
  const next = makeNode(url, { isStoreReady: () => ready });
  await next.broker.start(next);
  t.teardown(async () => {
    await next.broker.close();
    await node.broker.close();
  });
  t.equal(next.deliveries.length, 0);
  ready = true;
  await until(() => next.texts().length === 10, { what: 'the commands to be carried out' });
  t.same(next.texts(), texts);
  t.equal(await service.deadCount(), 0);
});

void t.test('a command that has come back ten times is carried out by the next node', async (t) => {
  const url = await cleanBroker();
  const first = await startNode(url);
  await first.broker.close();
  const service = await foreign(url);
  t.teardown(() => service.close());
  for (const text of ['a', 'b', 'c']) await service.send(keyOf('42'), post('42', text));
  for (let i = 0; i < 10; i++) await takeAndDie(url, QUEUE, 3);
  let atOnce = 0;
  let most = 0;
  const node = await startNode(url, {}, (delivery) => {
    most = Math.max(most, ++atOnce);
    setTimeout(() => {
      atOnce--;
      done(delivery);
    }, 5);
  });
  t.teardown(() => node.broker.close());
  await until(() => node.texts().length === 3, { what: 'all three' });
  t.same(node.texts(), ['a', 'b', 'c']);
  t.equal(most, 1, 'one at a time, in case one of them is what ends its process');
  t.equal(await service.deadCount(), 0);
});

void t.test('a consumer that the broker ends is noticed and replaced', async (t) => {
  const rabbit = await startPrivateRabbit();
  t.teardown(() => rabbit.close());
  // By default 30 minutes, looked at once a minute; both are read when a channel is opened.
  const impatience =
    'application:set_env(rabbit, consumer_timeout, 1500), application:set_env(rabbit, channel_tick_interval, 300).';
  await rabbit.ctl('eval', impatience);
  const node = await startNode(rabbit.url, {}, keep);
  t.teardown(() => node.broker.close());
  const service = await foreign(rabbit.url);
  t.teardown(() => service.close());
  const answer = service.call(keyOf('42'), post('42', 'x'));
  await until(() => node.deliveries.length >= 3, { what: 'two new consumers', timeoutMs: 30_000 });
  const [first, second, third] = node.deliveries;
  t.equal(new Set([first?.session, second?.session, third?.session]).size, 3, 'each in a session of its own');
  t.equal(first?.session.isCurrent, false);
  t.match(node.witness.lines.join('\n'), /given up: .*PRECONDITION.*timed out/);
  node.act = done;
  node.deliveries.forEach(done);
  t.same(await answer, { type: 'done' });
  t.equal(await service.deadCount(), 0);
});
