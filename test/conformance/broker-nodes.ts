import t, { type Test } from 'tap';
import type { Word } from '../../engine/messages/words.js';
import type { Delivery } from '../../engine/ports.js';
import { slotOf } from '../../engine/slots.js';
import { until } from '../support/until.js';
import {
  ask,
  begin,
  beginSecond,
  Node,
  post,
  posted,
  settleAll,
  type BrokerUnderTest,
  type Make,
  type Remote,
} from './broker-fixture.js';

const typing = (user: string): Word => ({ type: 'typing', room_id: '42', user });
const users = (node: Node): string[] => node.words.map((word) => ('user' in word ? word.user : word.type));

/** A node over a cable that is the home of all rooms, and another one that would be it next. */
async function beginRemote(
  t: Test,
  make: Make,
  reply = settleAll,
): Promise<{ made: BrokerUnderTest; remote: Remote; far: Node; near: Node } | null> {
  const made = await make();
  t.teardown(() => made.close());
  const remote = await made.remote?.(t);
  if (!remote) return null;
  const [far, near] = [new Node(reply), new Node(reply)];
  t.teardown(() => remote.broker.close());
  await remote.broker.start(far);
  await made.broker.start(near);
  return { made, remote, far, near };
}

/** Nodes: what they say to each other, and who of them lives. */
export function nodePromises(name: string, make: Make): void {
  void t.test(
    `${name}: what is said to all is heard by all in order, at home before it returns`,
    async (t) => {
      const node = new Node();
      const made = await begin(t, make, node);
      const { broker: other, node: second } = await beginSecond(t, made, node);
      const names = Array.from({ length: 50 }, (_, i) => `u${i}`);
      const [id = 'nobody'] = made.broker.nodes();
      const expected: string[] = [];
      for (const user of names) {
        made.broker.say(typing(user), null);
        expected.push(user);
        if (!made.second) continue;
        made.broker.say(typing(`${user}, only you`), id);
        expected.push(`${user}, only you`);
      }
      t.same(users(node), names, 'heard before the call returned');
      await until(() => second.words.length >= expected.length, { what: 'the words to arrive' });
      t.same(users(second), expected, 'those to all and those to one in the order of the calls');
      // Whatever came back would come before the answer to it.
      other.say(typing('the last'), null);
      await until(() => users(node).includes('the last'), { what: 'the last word' });
      t.same(users(node), [...names, 'the last'], 'once, and nothing that was for another');
    },
  );

  void t.test(`${name}: nodes know each other, and hear at once of one that ends`, async (t) => {
    const node = new Node(settleAll);
    const made = await begin(t, make, node);
    t.same([...made.broker.nodes()], [], 'a node is not one of the others');
    if (!made.second) return;
    const { broker: other, node: second } = await beginSecond(t, made, node);
    t.equal(other.nodes().size, 1, 'whoever has started knows who lives');
    await until(() => made.broker.nodes().size === 1, { what: 'the first to know the second' });
    const [id] = made.broker.nodes();
    const [self = ''] = other.nodes();
    made.broker.say(typing('to myself'), self);
    t.same(users(node), ['to myself']);
    await other.close();
    await until(() => node.gone.length > 0, { what: 'the first to hear that the second has ended' });
    t.same(node.gone, [id]);
    t.equal(made.broker.nodes().size, 0);
    t.equal(second.missedTimes + node.missedTimes, 0, 'nobody has missed anything');
  });

  void t.test(`${name}: a node takes commands only when it knows who lives`, async (t) => {
    const made = await begin(t, make, new Node());
    if (!made.second) return;
    // It lives, and is the home of nothing any more: so what it asks waits for the next one.
    await made.broker.drain(0);
    const answer = ask(made.broker, post('42', 'x'));
    const other = await made.second();
    t.teardown(() => other.close());
    const node = new Node(settleAll);
    let known: number | undefined;
    node.onDelivery = () => (known ??= other.nodes().size);
    await other.start(node);
    t.same(await answer, { type: 'done' });
    t.equal(known, 1);
  });

  void t.test(`${name}: a node that dies without a word is gone when its lease is over`, async (t) => {
    const stage = await beginRemote(t, make);
    if (!stage) return;
    const { made, remote, near } = stage;
    const [id] = made.broker.nodes();
    await remote.end();
    const begun = performance.now();
    await until(() => near.gone.length > 0, { what: 'its lease to be over' });
    const ms = performance.now() - begun;
    t.ok(ms < 2_500, `${ms} ms after its death`);
    t.same(near.gone, [id]);
    t.equal(made.broker.nodes().size, 0);
  });

  void t.test(`${name}: commands of one session have the same, and of another have another`, async (t) => {
    const open: Delivery[] = [];
    const node = new Node((delivery) => open.push(delivery));
    const { broker } = await begin(t, make, node);
    const answers = ['a', 'b', 'c'].map((text) => ask(broker, post('42', text)));
    await until(() => open.length === 3, { what: 'the commands' });
    t.equal(new Set(open.map(({ session }) => session)).size, 1);
    t.equal(open[0]?.session.isCurrent, true);
    open.forEach(settleAll);
    await Promise.all(answers);
    t.same(node.ended, []);
  });

  void t.test(`${name}: a session ends with the link, once, and before the next begins`, async (t) => {
    let settling = false;
    const seen: string[] = [];
    const stage = await beginRemote(t, make, (delivery) => {
      if (settling) settleAll(delivery);
    });
    if (!stage) return;
    const { made, remote, far, near } = stage;
    await made.broker.close();
    const [answer] = [ask(remote.broker, post('42', 'x'))];
    await until(() => far.deliveries.length === 1, { what: 'the command' });
    const old = far.deliveries[0];
    far.onDelivery = (delivery) => {
      seen.push(far.ended.length === 1 && delivery.session !== old?.session ? 'new' : 'old');
    };
    t.equal(far.missedTimes, 0);
    remote.cut();
    await until(() => far.ended.length > 0, { what: 'the session to end' });
    t.same(far.ended, [old?.session]);
    t.equal(old?.session.isCurrent, false);
    old?.settle({ type: 'done' });
    old?.retry('after the end');
    await until(() => far.deliveries.length === 2, { what: 'the command in the next session' });
    t.same(seen, ['new']);
    settling = true;
    far.deliveries[1]?.settle({ type: 'done' });
    t.ok(['done', 'queued'].includes((await answer).type));
    await until(() => far.missedTimes === 1, { what: 'to be told that events may be missed' });
    t.same(far.mayBeGone, [false], 'a link that is back at once costs nobody the seat');
    await remote.broker.close();
    t.equal(far.ended.length, 2, 'closing ends a session, too');
    t.same(near.ended, [], 'of what nobody was delivered nobody is told');
  });

  void t.test(`${name}: whoever is told that it has missed something hears what comes now`, async (t) => {
    const stage = await beginRemote(t, make);
    if (!stage) return;
    const { made, remote, far } = stage;
    await remote.broker.subscribe(slotOf('42'));
    far.onMissed = () => void made.broker.publish([posted(post('42', 'x'), 2)]);
    remote.cut();
    await until(() => far.heard.length === 1, { what: 'the event' });
  });

  void t.test(`${name}: a home whose link is silent is not current when there is another`, async (t) => {
    const stage = await beginRemote(t, make);
    if (!stage) return;
    const { made, remote, far, near } = stage;
    await ask(made.broker, post('42', 'x'));
    const [old] = far.deliveries;
    t.equal(old?.session.isCurrent, true);
    let wasCurrent: boolean | undefined;
    near.onDelivery = () => (wasCurrent ??= old?.session.isCurrent);
    remote.silence();
    await until(() => old?.session.isCurrent === false, { what: 'the home to doubt', timeoutMs: 3_000 });
    const answer = ask(made.broker, post('42', 'y'));
    await until(() => near.deliveries.length > 0, { what: 'the next home' });
    t.equal(wasCurrent, false);
    t.same(await answer, { type: 'done' });
    await until(() => far.ended.length === 1, {
      what: 'it to give up by itself, over a link that is still silent',
    });
    remote.mend();
  });

  void t.test(`${name}: a node that was silent and is back is told that it was taken for gone`, async (t) => {
    const stage = await beginRemote(t, make);
    if (!stage) return;
    const { made, remote, far, near } = stage;
    await ask(made.broker, post('42', 'x'));
    const [old] = far.deliveries;
    remote.silence();
    await until(() => near.gone.length === 1, { what: 'the other to take it for gone' });
    await until(() => old?.session.isCurrent === false, { what: 'it to doubt' });
    remote.mend();
    await until(() => far.missedTimes === 1, { what: 'it to be told' });
    await until(() => made.broker.nodes().size === 1, { what: 'the other to know it again' });
    t.same(far.ended, [], 'it was never replaced');
    await until(() => old?.session.isCurrent, { what: 'it to be sure again' });
    t.same(far.gone, [], 'its own pause took nobody from it');
    t.equal(near.missedTimes, 0);
    // Two beats later it has been told no second time.
    for (const round of ['a', 'b']) {
      remote.broker.say(typing(round), null);
      await until(() => users(near).includes(round), { what: 'the word' });
    }
    t.same(far.mayBeGone, [true]);
  });
}
