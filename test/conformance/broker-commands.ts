import t from 'tap';
import { newId } from '../../engine/ids.js';
import type { Answer, RoomView } from '../../engine/messages/answers.js';
import type { Command } from '../../engine/messages/commands.js';
import type { Delivery } from '../../engine/ports.js';
import { until } from '../support/until.js';
import { ask, begin, beginSecond, DONE, Node, post, posted, settleAll, type Make } from './broker-fixture.js';

const VIEW: RoomView = {
  room_id: '42',
  status: 'open',
  policy: {
    capacity: 2,
    creation: 'on_demand',
    deletion: 'manual',
    grace_ms: 1,
    idle_ms: 1,
    deliver_alone: true,
    post: 'anyone',
    retention: { max_messages: 10, max_age_s: 60 },
  },
  members: ['älice', '鲍勃'],
  member_count: 2,
  head_seq: 7,
  created_at: '2024-01-01T00:00:00.000Z',
};

const ANSWERS: readonly Answer[] = [
  { type: 'posted', message: posted(post('42', 'smile 😀 "quoted" \\ \u2028'), 1) },
  {
    type: 'joined',
    room: VIEW,
    at: '2026-11-28T00:00:00.000Z',
    members_version: 7,
    home: newId(),
    call_id: newId(),
  },
  { type: 'opened', created: true, room: { ...VIEW, policy: { ...VIEW.policy, capacity: null } } },
  { type: 'described', room: VIEW },
  { type: 'asserted', lost: [newId()] },
  { type: 'done' },
  { type: 'refused', code: 'room_full', message: 'Every seat is taken' },
];

/** Commands: their order, their answers, and what becomes of those that cannot be carried out. */
export function commandPromises(name: string, make: Make): void {
  void t.test(`${name}: what one asks of a room arrives in the order in which it was asked`, async (t) => {
    const node = new Node(settleAll);
    const { broker } = await begin(t, make, node);
    const expected = Array.from({ length: 400 }, (_, i) => `message ${i}`);
    const answers: Promise<Answer>[] = [];
    for (const text of expected) {
      answers.push(ask(broker, post('42', text)), ask(broker, post(`other-${text.length}`, text)));
      if (text.endsWith('7')) await new Promise((turn) => setImmediate(turn));
    }
    await Promise.all(answers);
    t.same(node.texts('42'), expected);
  });

  void t.test(
    `${name}: a request is answered exactly once, and not before the call has returned`,
    async (t) => {
      const node = new Node((delivery) => {
        delivery.settle(DONE);
        delivery.settle({ type: 'refused', code: 'internal', message: 'a second answer' });
        delivery.retry('a third');
      });
      const { broker } = await begin(t, make, node);
      const answers: Answer[] = [];
      broker.request(post('42', 'first'), (answer) => answers.push(answer));
      broker.request(post('42', 'second'), (answer) => answers.push(answer));
      t.same(answers, [], 'not before it returned');
      await until(() => answers.length === 2, { what: 'two answers' });
      await ask(broker, post('42', 'third'));
      t.same(answers, [DONE, DONE]);
    },
  );

  void t.test(`${name}: every kind of answer arrives as it was given`, async (t) => {
    const queue = [...ANSWERS];
    const node = new Node((delivery) => delivery.settle(queue.shift() ?? DONE));
    const { broker } = await begin(t, make, node);
    for (const answer of ANSWERS) t.same(await ask(broker, post('42', answer.type)), answer);
  });

  void t.test(`${name}: a command arrives as it was sent, whatever its type`, async (t) => {
    const node = new Node(settleAll);
    const { broker } = await begin(t, make, node);
    const ids = { connection_id: newId(), node_id: newId() };
    const commands: Command[] = [
      { ...post('42', '  tabs\tand “quotes” 😀  '), request_id: 'r-1', user: null, fresh: true },
      { type: 'join', room_id: '42', user: 'alice', ...ids },
      { type: 'typing', room_id: '42', user: 'alice' },
      { type: 'leave', room_id: '42', user: 'alice', connection_id: ids.connection_id },
      { type: 'open', room_id: '42', policy: { capacity: null } },
      { type: 'kick', room_id: '42', user: 'bob' },
      { type: 'describe', room_id: '42' },
      {
        type: 'assert',
        room_id: '42',
        node_id: ids.node_id,
        present: [{ user: 'a', connection_id: newId() }],
        first: true,
        last: false,
      },
      { type: 'close', room_id: '42', purge: true },
    ];
    await Promise.all(commands.map((command) => ask(broker, command)));
    t.same(
      node.deliveries.map(({ command }) => command),
      commands,
    );
    t.same(
      node.deliveries.map(({ redelivered }) => redelivered),
      commands.map(() => false),
    );
  });

  void t.test(`${name}: a room that takes its time holds up nobody else's answer`, async (t) => {
    const open: Delivery[] = [];
    const node = new Node((delivery) => {
      if (delivery.command.room_id === 'slow') open.push(delivery);
      else delivery.settle(DONE);
    });
    const { broker } = await begin(t, make, node);
    let slow: Answer | null = null;
    broker.request(post('slow', 'x'), (answer) => (slow = answer));
    t.same(await ask(broker, post('fast', 'x')), DONE);
    t.equal(slow, null);
    await until(() => open.length === 1, { what: 'the slow room to have its command' });
    open[0]?.settle({ type: 'refused', code: 'room_closed', message: 'closed' });
    await until(() => slow, { what: 'the late answer' });
    t.match(slow, { code: 'room_closed' });
  });

  void t.test(
    `${name}: what a room cannot do now is done later in its old order, or refused as unavailable`,
    async (t) => {
      let down = true;
      const done: string[] = [];
      const node = new Node((delivery) => {
        // Decided later, as a store does: so all four are handed out before the first is given back.
        if (down) setImmediate(() => delivery.retry('the store is down'));
        else {
          if (delivery.command.type === 'post') done.push(delivery.command.text);
          t.equal(delivery.redelivered, true);
          delivery.settle(DONE);
        }
      });
      const { broker, durable } = await begin(t, make, node);
      const texts = ['one', 'two', 'three', 'four'];
      const answers = texts.map((text) => ask(broker, { ...post('42', text), fresh: true }));
      if (!durable) {
        for (const answer of await Promise.all(answers))
          t.match(answer, { type: 'refused', code: 'unavailable', reached: 'no' });
        return;
      }
      await until(() => node.deliveries.length >= 8, { what: 'all four to be tried twice' });
      down = false;
      t.same(await Promise.all(answers), [DONE, DONE, DONE, DONE]);
      t.same(done, texts);
      const last = node.deliveries.at(-1)?.command;
      t.equal(last && 'fresh' in last, false, 'a repeated id is not called new');
    },
  );

  void t.test(
    `${name}: what stands behind a command that was given back says so, if both come again`,
    async (t) => {
      const open: Delivery[] = [];
      let collecting = true;
      const node = new Node((delivery) => (collecting ? open.push(delivery) : delivery.settle(DONE)));
      const { broker, durable } = await begin(t, make, node);
      const rooms = ['42', '42', 'other', '42'];
      const answers = rooms.map((room, i) => ask(broker, post(room, `${i}`)));
      await until(() => open.length === rooms.length, { what: 'all of them' });
      const nth = (i: number): Delivery | undefined =>
        open.find(({ command }) => command.type === 'post' && command.text === `${i}`);
      const overtaking = (): unknown[] => rooms.map((_room, i) => nth(i)?.mustWait);
      t.same(overtaking(), [false, false, false, false]);
      nth(1)?.retry('the store is down');
      t.same(overtaking(), [false, false, false, durable], 'only what is behind it in its room');
      nth(0)?.settle(DONE);
      nth(2)?.settle(DONE);
      collecting = false;
      nth(3)?.retry('it would overtake');
      const results = await Promise.all(answers);
      for (const [i, result] of results.entries())
        t.match(result, durable || i % 2 === 0 ? DONE : { code: 'unavailable' }, `${i}`);
      if (durable) t.same(node.texts('42'), ['0', '1', '3', '1', '3']);
    },
  );

  void t.test(`${name}: of two nodes exactly one is the home of a room`, async (t) => {
    const first = new Node(settleAll);
    const made = await begin(t, make, first);
    if (!made.second) return;
    const { broker: other, node: second } = await beginSecond(t, made, first);
    const rooms = Array.from({ length: 40 }, (_, i) => `room-${i}`);
    await Promise.all(
      rooms.flatMap((room) => [ask(made.broker, post(room, 'from one')), ask(other, post(room, 'from two'))]),
    );
    for (const room of rooms) {
      const homes = [first.texts(room).length, second.texts(room).length].sort();
      t.same(homes, [0, 2], room);
    }
  });
}
