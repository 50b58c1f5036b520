import { EventEmitter } from 'node:events';
import type { ChannelModel } from 'amqplib';
import t from 'tap';
import { createLease, type Lease } from '../../../adapters/rabbitmq/nodes/lease.js';
import { BEAT_MS, LEASE_MS } from '../../../adapters/rabbitmq/nodes/pulse.js';
import { ManualClock, turns } from '../../support/clock.js';

interface Stage {
  readonly clock: ManualClock;
  readonly lease: Lease;
  /** Why the link was given up. */
  readonly broken: string[];
  /** Questions that the broker has not answered. */
  readonly questions: (() => void)[];
  readonly answer: () => Promise<void>;
}

/** A node on a connection whose broker answers when it is told to. */
async function begin(): Promise<Stage> {
  const clock = new ManualClock();
  const broken: string[] = [];
  const questions: (() => void)[] = [];
  const checkExchange = (): Promise<void> => new Promise((answer) => questions.push(answer));
  const events = new EventEmitter();
  const channel = { on: events.on.bind(events), checkExchange };
  const consuming = { createChannel: () => Promise.resolve(channel) } as unknown as ChannelModel;
  // What proves a lease must not depend on the connection that publishes: nothing can be done with this one.
  const publishing = {} as unknown as ChannelModel;
  const lease = createLease({ clock, broken: (why) => broken.push(why) });
  const answer = async (): Promise<void> => {
    questions.shift()?.();
    await turns(1);
  };
  const opened = lease.open({ consuming, publishing });
  await turns(1);
  await answer();
  await opened;
  return { clock, lease, broken, questions, answer };
}

void t.test('a node is the home of its rooms for as long as the broker answers', async (t) => {
  const { clock, lease, questions, answer, broken } = await begin();
  t.equal(lease.isCurrent, true);
  for (let beat = 0; beat < 50; beat++) {
    await clock.pass(BEAT_MS);
    t.equal(questions.length, 1, 'it is asked at each beat');
    t.equal(lease.isCurrent, true);
    await answer();
  }
  t.same(broken, []);
  lease.lost();
  t.equal(lease.isCurrent, false, 'and not beyond the link');
});

void t.test('an answer that was long on its way proves little', async (t) => {
  const { clock, lease, questions, answer } = await begin();
  await clock.pass(LEASE_MS);
  t.equal(lease.isCurrent, false);
  t.equal(questions.length, 1, 'what is not answered is not asked again');
  // Asked at the first beat.
  await answer();
  t.equal(lease.isCurrent, true);
  await clock.pass(BEAT_MS);
  t.equal(lease.isCurrent, false, 'counted from the question');
});

void t.test('a connection on which nothing is answered is given up', async (t) => {
  const { clock, lease, broken } = await begin();
  await clock.pass(8 * BEAT_MS);
  t.match(broken, [/the broker is silent/]);
  lease.lost();
  await clock.pass(20 * BEAT_MS);
  t.equal(broken.length, 1, 'once');
  t.equal(clock.pending, 0);
});
