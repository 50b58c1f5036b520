import t from 'tap';
import { createJoinQueue } from '../../engine/join-queue.js';
import type { Answer } from '../../engine/messages/answers.js';
import type { Command, JoinCommand } from '../../engine/messages/commands.js';
import type { Broker } from '../../engine/ports.js';
import { createInProcessBroker } from '../../adapters/in-process/broker.js';
import { ManualClock } from '../support/clock.js';

/** As many as may be on their way at once. */
const PLACES = 300;
const DONE: Answer = { type: 'done' };

function join(n: number): JoinCommand {
  return { type: 'join', room_id: '42', user: `user-${n}`, connection_id: `connection-${n}`, node_id: 'n' };
}

/** A broker that answers when it is told to. */
function slowBroker(clock: ManualClock) {
  const sent: { readonly command: Command; readonly onAnswer: (answer: Answer) => void }[] = [];
  const self = { sent, ready: true };
  const broker: Broker = {
    ...createInProcessBroker({ clock }),
    request: (command, onAnswer) => void sent.push({ command, onAnswer }),
    state: () => ({ kind: 'slow', ready: self.ready, reason: null, pending: 0, buffered: 0, partitions: 1 }),
  };
  return Object.assign(self, { broker });
}

function begin(count: number) {
  const clock = new ManualClock();
  const slow = slowBroker(clock);
  const queue = createJoinQueue(slow.broker, clock);
  const answers: [number, Answer][] = [];
  const ask = (n: number): void => queue.ask(join(n), (answer) => answers.push([n, answer]));
  for (let n = 0; n < count; n++) ask(n);
  return { clock, slow, queue, answers, ask };
}

t.test('when very many come at once, each has its turn, in the order in which they came', (t) => {
  const { slow, queue, answers } = begin(5_000);
  t.equal(slow.sent.length, PLACES);
  t.equal(queue.waiting, 5_000 - PLACES);
  for (let n = 0; n < 5_000; n++) slow.sent[n]?.onAnswer(DONE);
  t.same(
    answers.map(([n]) => n),
    Array.from({ length: 5_000 }, (_, n) => n),
  );
  t.equal(queue.waiting, 0);
  t.end();
});

t.test('who goes while waiting is never joined', (t) => {
  const { slow, queue } = begin(PLACES + 2);
  t.equal(queue.cancel('42', 'connection-0'), false, 'it was sent');
  t.equal(queue.cancel('42', `connection-${PLACES}`), true);
  for (const { onAnswer } of [...slow.sent]) onAnswer(DONE);
  t.equal(slow.sent.length, PLACES + 1);
  t.match(slow.sent.at(-1)?.command, { user: `user-${PLACES + 1}` });
  t.end();
});

t.test('who has waited for half a minute is told to come back, and the others go on', async (t) => {
  const { clock, slow, queue, answers, ask } = begin(PLACES + 1);
  await clock.pass(20_000);
  ask(PLACES + 1);
  await clock.pass(10_001);
  t.match(answers, [[PLACES, { type: 'refused', code: 'unavailable', reached: 'no' }]]);
  slow.sent[0]?.onAnswer(DONE);
  t.match(slow.sent.at(-1)?.command, { user: `user-${PLACES + 1}` });
  t.equal(queue.waiting, 0);
});

t.test('while the broker is away nobody waits here: it says so itself', (t) => {
  const { slow, queue, ask } = begin(PLACES);
  slow.ready = false;
  ask(PLACES);
  t.equal(slow.sent.length, PLACES + 1);
  t.equal(queue.waiting, 0);
  t.end();
});

t.test('one connection may wait for many rooms, and go from one of them', (t) => {
  const { slow, queue } = begin(PLACES);
  const answers: string[] = [];
  for (const room_id of ['a', 'b', 'c']) queue.ask({ ...join(PLACES), room_id }, () => answers.push(room_id));
  t.equal(queue.waiting, 3);
  t.equal(queue.cancel('b', `connection-${PLACES}`), true);
  t.equal(queue.cancel('b', `connection-${PLACES}`), false);
  for (const { onAnswer } of [...slow.sent]) onAnswer(DONE);
  for (const { onAnswer } of slow.sent.slice(PLACES)) onAnswer(DONE);
  t.same(answers, ['a', 'c']);
  t.end();
});
