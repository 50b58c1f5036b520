import t, { type Test } from 'tap';
import { slotOf } from '../../../engine/slots.js';
import { posted } from '../../conformance/broker-fixture.js';
import { until } from '../../support/until.js';
import { Cable } from './cable.js';
import { check, load, Rooms, ROOMS } from './load.js';
import { cleanBroker, done, foreign, keep, keyOf, post, startNode, type TestNode } from './node.js';

t.setTimeout(110_000);

interface Stage {
  readonly url: string;
  readonly cable: Cable;
  /** Connected directly, and started first: the home of all rooms. */
  readonly home: TestNode;
  /** Connected through the cable. */
  readonly asker: TestNode;
}

/**
 * How long the asker waits for its connection and for an answer, ms. A cut takes less on a busy machine, too: a command that
 * waits for longer is refused.
 */
const PATIENCE_MS = 10_000;

async function begin(
  t: Test,
  act: TestNode['act'] = done,
  replyTimeoutMs: number = PATIENCE_MS,
): Promise<Stage> {
  const url = await cleanBroker();
  const cable = await Cable.to(t, url);
  const home = await startNode(url, {}, act);
  const asker = await startNode(cable.url, { replyTimeoutMs, deliveryLimit: 5 });
  t.teardown(async () => {
    await asker.broker.close();
    await home.broker.close();
  });
  return { url, cable, home, asker };
}

async function noticed(node: TestNode): Promise<void> {
  await until(() => !node.broker.state().ready, { what: 'the node to notice', intervalMs: 1 });
}

async function back(node: TestNode): Promise<void> {
  await until(() => node.broker.state().ready, { what: 'the node to be back' });
}

void t.test('commands lost on their way are sent again, before those that have waited', async (t) => {
  const { cable, home, asker } = await begin(t);
  await asker.ask(post('42', 'before'));
  cable.swallows = true;
  const lost = ['a', 'b', 'c'].map((text) => asker.ask({ ...post('42', text), fresh: true }));
  await until(() => cable.swallowed > 0, { what: 'the commands to be swallowed' });
  const later = asker.ask(post('42', 'd'));
  await new Promise((turn) => setImmediate(turn));
  cable.cut();
  await noticed(asker);
  const waited = asker.ask({ ...post('42', 'e'), fresh: true });
  t.same(await Promise.all([...lost, later, waited]), Array(5).fill({ type: 'done' }));
  t.same(home.texts(), ['before', 'a', 'b', 'c', 'd', 'e']);
  const claims = home.deliveries.map(({ command }) => 'fresh' in command);
  t.same(claims, [false, false, false, false, false, true], 'what may be there already is not called new');
});

void t.test('events lost on their way are sent again, in order', async (t) => {
  const { cable, home, asker } = await begin(t);
  await home.broker.subscribe(slotOf('42'));
  const events = [1, 2, 3, 4].map((seq) => posted(post('42', `m${seq}`), seq));
  cable.swallows = true;
  const lost = asker.broker.publish(events.slice(0, 2));
  await until(() => cable.swallowed > 0, { what: 'the events to be swallowed' });
  cable.cut();
  await noticed(asker);
  await Promise.all([lost, asker.broker.publish(events.slice(2))]);
  await until(() => home.heard.length >= 4, { what: 'the events' });
  t.same(home.heard, events);
});

void t.test('an asker whose answer is lost with the connection is told queued', async (t) => {
  // The answer never comes, so the asker waits for as long as it may.
  const { cable, home, asker } = await begin(t, keep, 3_000);
  const answer = asker.ask(post('42', 'x'));
  await until(() => home.deliveries.length === 1, { what: 'the command' });
  // A confirm follows within milliseconds of the delivery; these are behind it on the same channel.
  home.act = done;
  await asker.ask({ type: 'describe', room_id: '42' });
  cable.cut();
  await noticed(asker);
  await back(asker);
  home.deliveries.forEach(done);
  t.same(await answer, { type: 'queued' });
  t.equal(home.texts().length, 1, 'it was not sent again');
});

void t.test('a home that loses its connection gets back what it had not dealt with, in order', async (t) => {
  const { url, cable, home, asker } = await begin(t);
  await home.broker.close();
  asker.act = keep;
  const service = await foreign(url);
  t.teardown(() => service.close());
  const texts = ['a', 'b', 'c', 'd'];
  for (const text of texts) await service.send(keyOf('42'), post('42', text));
  await until(() => asker.texts().length === 4, { what: 'all four' });
  const old = [...asker.deliveries];
  // Delivered six times, and five are allowed to what kills its home.
  for (let i = 1; i <= 5; i++) {
    cable.cut();
    await until(() => asker.texts().length === 4 * (i + 1), { what: 'all four again', timeoutMs: 20_000 });
  }
  old.forEach(done);
  t.same(asker.texts().slice(-4), texts);
  t.ok(asker.deliveries.slice(-4).every(({ redelivered }) => redelivered));
  t.equal(await service.deadCount(), 0, 'a process that lives on was not killed by them');
  asker.act = done;
  asker.deliveries.slice(-4).forEach(done);
  t.same(await asker.ask(post('42', 'e')), { type: 'done' });
});

void t.test('an audience hears its slots again after the connection was lost', async (t) => {
  const { cable, home, asker } = await begin(t);
  await asker.broker.subscribe(slotOf('42'));
  cable.cut();
  await noticed(asker);
  // Whoever comes now hears of it when it is true again, and not before.
  await asker.broker.subscribe(slotOf('42'));
  await home.broker.publish([posted(post('42', 'x'), 1)]);
  await until(() => asker.heard.length === 1, { what: 'the event' });
});

for (const use of ['publish', 'consume'] as const) {
  void t.test(`a home that loses the connection to ${use} loses both, and nothing with them`, async (t) => {
    const { cable, home, asker } = await begin(t);
    await home.broker.close();
    const rooms = new Rooms();
    rooms.attach(asker);
    const tally = load(asker);
    await until(() => (tally.counts['done'] ?? 0) > 200, { what: 'posts' });
    for (let i = 0; i < 3; i++) {
      const { session } = asker.deliveries.at(-1) ?? {};
      cable.cut(use);
      await until(() => session?.isCurrent === false, { what: 'the session to end', intervalMs: 1 });
      await back(asker);
      // Answers of the old session may still be on their way.
      await until(() => asker.deliveries.at(-1)?.session !== session, {
        what: 'rooms to begin anew',
        timeoutMs: 20_000,
      });
      const before = tally.counts['done'] ?? 0;
      await until(() => (tally.counts['done'] ?? 0) > before + 200, {
        what: 'posts again',
        timeoutMs: 20_000,
      });
    }
    await tally.stop();
    await Promise.all(ROOMS.map((room) => asker.ask({ type: 'describe', room_id: room })));
    check(t, tally, rooms);
    t.equal(tally.counts['unavailable'] ?? 0, 0, 'nothing was refused either');
  });
}
