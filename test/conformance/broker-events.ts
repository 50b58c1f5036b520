import t from 'tap';
import type { RoomEvent } from '../../engine/messages/events.js';
import { slotOf } from '../../engine/slots.js';
import { until } from '../support/until.js';
import { begin, beginSecond, Node, post, posted, type Make } from './broker-fixture.js';

/** Events: heard at home at once, and elsewhere by whoever has subscribed. */
export function eventPromises(name: string, make: Make): void {
  void t.test(`${name}: the room's own node hears its events before publish returns`, async (t) => {
    const node = new Node();
    const made = await begin(t, make, node);
    const { broker } = made;
    await broker.subscribe(slotOf('42'));
    const events = [1, 2, 3].map((seq) => posted(post('42', `m${seq}`), seq));
    const published = broker.publish(events);
    t.same(node.heard, events);
    await published;
    // Whatever came back of them would come before what is published after them.
    const last = posted(post('42', 'the last'), 4);
    const other = await beginSecond(t, made, node);
    await other.broker.publish([last]);
    await until(() => node.heard.length >= 4, { what: 'the last event' });
    t.same(node.heard, [...events, last], 'and only once');
  });

  void t.test(`${name}: whoever has subscribed misses nothing published after that`, async (t) => {
    const publisher = new Node();
    const made = await begin(t, make, publisher);
    const other = await beginSecond(t, made, publisher);
    await other.broker.subscribe(slotOf('42'));
    const events = Array.from({ length: 300 }, (_, i) => posted(post('42', `m${i}`), i + 1));
    const strangers = events.map(({ seq }) => posted(post('43', 'x'), seq));
    const calls: Promise<void>[] = [];
    for (let i = 0; i < 300; i += 3) {
      calls.push(made.broker.publish([...events.slice(i, i + 3), ...strangers.slice(i, i + 3)]));
    }
    await Promise.all(calls);
    const ours = (): RoomEvent[] => other.node.heard.filter(({ room_id }) => room_id === '42');
    await until(() => ours().length >= 300, { what: () => `300 events; ${ours().length} came` });
    t.same(ours(), events, 'all of them, once, in order');
  });

  void t.test(`${name}: a slot is heard as long as one audience wants it`, async (t) => {
    const first = new Node();
    const made = await begin(t, make, first);
    if (!made.second) {
      // A single process hands its events to itself; there is nothing to unsubscribe from.
      await t.resolves(made.broker.subscribe(slotOf('a')));
      made.broker.unsubscribe(slotOf('a'));
      return;
    }
    const { broker: other, node: listener } = await beginSecond(t, made, first);
    await Promise.all([
      other.subscribe(slotOf('a')),
      other.subscribe(slotOf('a')),
      other.subscribe(slotOf('b')),
    ]);
    other.unsubscribe(slotOf('a'));
    await other.subscribe(slotOf('c'));
    await made.broker.publish([posted(post('a', 'still wanted'), 1)]);
    await until(() => listener.heard.length === 1, {
      what: 'the event of a slot that one audience still wants',
    });
    other.unsubscribe(slotOf('a'));
    // Bindings change in the order of the calls: when this one is heard of, that one is gone.
    await other.subscribe(slotOf('d'));
    await made.broker.publish([posted(post('a', 'not wanted'), 2), posted(post('d', 'wanted'), 1)]);
    await made.broker.publish([posted(post('d', 'wanted too'), 2)]);
    await until(() => listener.heard.length >= 3, { what: 'the events of the slot that is wanted' });
    t.same(
      listener.heard.map((event) => 'text' in event && event.text),
      ['still wanted', 'wanted', 'wanted too'],
    );
  });
}
