import t from 'tap';
import type { Answer } from '../../engine/messages/answers.js';
import { until } from '../support/until.js';
import { ask, begin, DONE, Node, post, posted, settleAll, type Make } from './broker-fixture.js';

/** How a broker begins and ends, and what it says of itself. */
export function lifePromises(name: string, make: Make): void {
  void t.test(`${name}: draining ends when what was delivered is settled, and not before`, async (t) => {
    const node = new Node();
    const { broker } = await begin(t, make, node);
    const answer = ask(broker, post('42', 'x'));
    await until(() => node.deliveries.length === 1, { what: 'the command' });
    let drained = false;
    const draining = broker.drain(10_000).then(() => (drained = true));
    // As long as this takes, a drain that waits for nothing is over.
    for (let seq = 1; seq <= 5; seq++) await broker.publish([posted(post('42', 'x'), seq)]);
    await new Promise((turn) => setImmediate(turn));
    t.equal(drained, false);
    t.equal(broker.state().ready, false, 'it takes no more');
    node.deliveries[0]?.settle(DONE);
    await draining;
    t.same(await answer, DONE);
  });

  void t.test(`${name}: draining does not wait for ever`, async (t) => {
    const node = new Node();
    const { broker } = await begin(t, make, node);
    broker.request(post('42', 'x'), () => undefined);
    await until(() => node.deliveries.length === 1, { what: 'the command' });
    // The broker's own timers do not keep a process alive.
    const alive = setTimeout(() => t.fail('it waits for ever'), 10_000);
    t.teardown(() => clearTimeout(alive));
    const begun = performance.now();
    await broker.drain(50);
    t.ok(performance.now() - begun >= 45, 'it gave the room its time');
  });

  void t.test(`${name}: whoever waits when it closes, or asks after that, is told the truth`, async (t) => {
    const node = new Node();
    const { broker, durable } = await begin(t, make, node);
    const waiting = ask(broker, post('42', 'x'));
    await until(() => node.deliveries.length === 1, { what: 'the command' });
    t.equal(broker.state().pending, 1);
    await broker.close();
    const told = await waiting;
    // Where the queue has confirmed it, it will be carried out; the confirm may be on its way still.
    if (durable && told.type === 'queued') t.pass('it is durably queued, and said to be');
    else t.match(told, { type: 'refused', code: 'unavailable' });
    let late: Answer | null = null;
    broker.request(post('42', 'y'), (answer) => (late = answer));
    t.equal(late, null, 'not before the call has returned');
    await until(() => late, { what: 'the answer to the late one' });
    t.match(late, { type: 'refused', code: 'unavailable' });
    node.deliveries[0]?.settle(DONE);
    t.equal(broker.state().pending, 0);
  });

  void t.test(`${name}: it says whether it is ready, and if not, why`, async (t) => {
    const made = await make();
    t.teardown(() => made.close());
    const { broker } = made;
    t.match(broker.state(), { ready: false, reason: /\w/ });
    await broker.start(new Node(settleAll));
    t.match(broker.state(), { kind: name, ready: true, reason: null, pending: 0, buffered: 0 });
    await broker.close();
    t.match(broker.state(), { ready: false, reason: /\w/ });
  });
}
