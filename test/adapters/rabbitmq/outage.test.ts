import t from 'tap';
import { createRabbitBroker } from '../../../adapters/rabbitmq/broker.js';
import { slotOf } from '../../../engine/slots.js';
import { posted } from '../../conformance/broker-fixture.js';
import { startPrivateRabbit, type PrivateRabbit } from '../../support/rabbitmq.js';
import { until } from '../../support/until.js';
import { check, load, Rooms, ROOMS } from './load.js';
import { makeNode, post, rabbitOptions, startNode } from './node.js';

t.setTimeout(110_000);

const QUICK = { replyTimeoutMs: 700 };

void t.test('with a broker of its own', async (t) => {
  const rabbit: PrivateRabbit = await startPrivateRabbit();
  t.teardown(() => rabbit.close());

  for (const way of ['stopped', 'killed'] as const) {
    await t.test(
      `RabbitMQ ${way} and started under load: nothing accepted is lost, doubled or reordered`,
      async (t) => {
        const rooms = new Rooms();
        const nodes = [await startNode(rabbit.url, QUICK), await startNode(rabbit.url, QUICK)] as const;
        t.teardown(() => Promise.all(nodes.map(({ broker }) => broker.close())));
        nodes.forEach((node) => rooms.attach(node));
        const tally = load(nodes[0]);
        await until(() => (tally.counts['done'] ?? 0) > 500, { what: '500 posts' });
        await (way === 'stopped' ? rabbit.stopBroker() : rabbit.kill());
        await until(() => (tally.counts['unavailable'] ?? 0) > 0, { what: 'a post to be refused' });
        const state = nodes[0].broker.state();
        t.equal(state.ready, false);
        t.match(state.reason, /connection (refused|reset)|closed/i);
        await rabbit.startBroker();
        await until(() => nodes.every(({ broker }) => broker.state().ready), {
          what: 'both to be ready',
          timeoutMs: 20_000,
        });
        const before = tally.counts['done'] ?? 0;
        await until(() => (tally.counts['done'] ?? 0) > before + 500, {
          what: '500 more posts',
          timeoutMs: 20_000,
        });
        await tally.stop();
        // What was only queued is carried out too: whatever was sent before this has been dealt with after it.
        await Promise.all(ROOMS.map((room) => nodes[0].ask({ type: 'describe', room_id: room })));
        check(t, tally, rooms);
        t.comment(way, tally.counts);
        t.match(
          nodes[0].witness.lines.join('\n'),
          /connection lost.*\n[^]*recovered, connected to \S+ after \d+ ms/,
        );
      },
    );
  }

  await t.test('while it is down a post is refused in time, and when too many wait, at once', async (t) => {
    const node = await startNode(rabbit.url, { ...QUICK, bufferLimit: 5 });
    t.teardown(() => node.broker.close());
    await rabbit.stopBroker();
    await until(() => !node.broker.state().ready, { what: 'the node to notice' });
    const begun = performance.now();
    const waiting = Array.from({ length: 5 }, (_, i) => node.ask(post('42', `held ${i}`)));
    t.equal(node.broker.state().buffered, 5);
    const sixth = node.ask(post('42', 'one too many'));
    t.match(await sixth, { type: 'refused', code: 'unavailable' });
    t.ok(performance.now() - begun < QUICK.replyTimeoutMs, 'at once');
    for (const answer of await Promise.all(waiting)) {
      t.match(answer, { type: 'refused', code: 'unavailable', message: /same id/ });
    }
    t.equal(node.broker.state().buffered, 0);
    await t.rejects(node.broker.subscribe(slotOf('42')), { message: /are not available/ });
    await rabbit.startBroker();
    await until(() => node.broker.state().ready, { what: 'the node to be back', timeoutMs: 20_000 });
    t.same(await node.ask(post('42', 'after')), { type: 'done' });
    t.same(node.texts(), ['after'], 'what was refused is not carried out behind the asker’s back');
  });

  await t.test(
    'what is published and asked while it is down goes out when it is back, in order',
    async (t) => {
      const patient = { replyTimeoutMs: 30_000 };
      const [node, other] = [await startNode(rabbit.url, patient), await startNode(rabbit.url, patient)];
      t.teardown(() => Promise.all([node.broker.close(), other.broker.close()]));
      await other.broker.subscribe(slotOf('42'));
      await rabbit.stopBroker();
      await until(() => !node.broker.state().ready, { what: 'the node to notice' });
      const events = Array.from({ length: 20 }, (_, i) => posted(post('42', `e${i}`), i + 1));
      const published = events.map((event) => node.broker.publish([event]));
      t.same(node.heard, events, 'its own audience has them at once');
      const subscribed = other.broker.subscribe(slotOf('43'));
      const texts = Array.from({ length: 250 }, (_, i) => `p${i}`);
      const answers = texts.map((text) => node.ask(post('42', text)));
      await rabbit.startBroker();
      await Promise.all([...published, ...answers, subscribed]);
      t.same([...node.texts(), ...other.texts()], texts);
      await node.broker.publish([posted(post('42', 'the last'), 21)]);
      await until(() => other.heard.some((event) => 'text' in event && event.text === 'the last'), {
        what: 'the last event',
      });
      const heard = other.heard.map((event) => ('seq' in event ? event.seq : 0));
      // The other may have come back later than the first ones went out: a gap, but no disorder.
      t.same(
        heard,
        [...heard].sort((a, b) => a - b),
      );
    },
  );

  await t.test('a broker that blocks its publishers is not ready, and says so', async (t) => {
    const node = await startNode(rabbit.url, QUICK);
    t.teardown(() => node.broker.close());
    await rabbit.ctl('set_vm_memory_high_watermark', '0.0000001');
    t.teardown(() => rabbit.ctl('set_vm_memory_high_watermark', '0.4'));
    // It blocks a connection when that publishes.
    const first = node.ask(post('42', 'into the alarm'));
    await until(() => !node.broker.state().ready, { what: 'the node to notice' });
    t.match(node.broker.state().reason, /accepts nothing/);
    t.match(await first, { type: 'refused', code: 'unavailable' });
    t.match(await node.ask(post('42', 'later')), { type: 'refused', code: 'unavailable' });
    await rabbit.ctl('set_vm_memory_high_watermark', '0.4');
    await until(() => node.broker.state().ready, { what: 'the node to go on' });
    t.same(await node.ask(post('42', 'after')), { type: 'done' });
  });

  await t.test('a queue that somebody deletes is declared again', async (t) => {
    const node = await startNode(rabbit.url, QUICK);
    t.teardown(() => node.broker.close());
    for (let p = 0; p < 4; p++) await rabbit.ctl('delete_queue', `parlor.commands.${p}`);
    await until(async () => (await node.ask(post('42', 'x'))).type === 'done', { what: 'a post to be done' });
    t.equal(node.broker.state().ready, true);
  });

  await t.test('a node may start before RabbitMQ does', async (t) => {
    await rabbit.stopBroker();
    const node = makeNode(rabbit.url);
    t.teardown(() => node.broker.close());
    const started = node.broker.start(node);
    await until(() => node.broker.state().reason?.includes('refused'), { what: 'a first attempt' });
    await rabbit.startBroker();
    await started;
    t.same(await node.ask(post('42', 'x')), { type: 'done' });
    const warnings = node.witness.lines.filter((line) => line.startsWith('warn'));
    t.ok(warnings.length <= 3, `each kind of fault is told once: ${warnings.join(' | ')}`);
  });

  await t.test('of several addresses the next is tried', async (t) => {
    const node = makeNode(rabbit.url, { urls: ['amqp://guest:guest@127.0.0.1:1', rabbit.url] });
    t.teardown(() => node.broker.close());
    await node.broker.start(node);
    t.same(await node.ask(post('42', 'x')), { type: 'done' });
  });

  await t.test('a wrong password is told without the password', async (t) => {
    const url = rabbit.url.replace('guest:guest', 'guest:s3cret');
    const node = makeNode(url, { startMs: 1_500 });
    await t.rejects(node.broker.start(node), { message: /^no RabbitMQ within 1.5 s: .*ACCESS.REFUSED/ });
    t.notMatch(node.witness.lines.join('\n'), /s3cret/);
  });
});

void t.test('without a broker the start ends with one line', async (t) => {
  const node = makeNode('amqp://user:s3cret@127.0.0.1:1/vhost', { startMs: 300 });
  const alive = setTimeout(() => t.fail('it waits for ever'), 10_000);
  t.teardown(() => clearTimeout(alive));
  await t.rejects(node.broker.start(node), {
    message: 'no RabbitMQ within 0.3 s: connection refused (127.0.0.1:1)',
  });
  t.match(node.broker.state(), { ready: false, reason: 'closed' });
});

void t.test('an address that is none is refused at once, without its password', (t) => {
  for (const url of ['', 'localhost', 'http://user:s3cret@host', 'amqp://']) {
    const options = rabbitOptions(url);
    t.throws(() => createRabbitBroker(options), { message: /AMQP URL/ });
    try {
      createRabbitBroker(options);
    } catch (cause) {
      t.notMatch(String(cause), /s3cret/);
    }
  }
  t.throws(() => createRabbitBroker({ ...rabbitOptions('x'), urls: [] }), { message: /no AMQP URL/ });
  t.end();
});
