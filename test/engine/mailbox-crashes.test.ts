import t from 'tap';
import { turns } from '../support/clock.js';
import { box } from './box.js';

t.test(
  'a crash at the third message: two are dealt with, one is reported, the rest comes later',
  async (t) => {
    const boom = new Error('boom');
    const { mailbox, batches, crashes } = box(
      t,
      {},
      {
        receive(message) {
          if (message === 3) throw boom;
        },
      },
    );
    for (const message of [1, 2, 3, 4, 5]) mailbox.tell(message);
    await turns(3);
    t.same(batches, [
      [1, 2],
      [4, 5],
    ]);
    t.same(crashes, [[boom, 3]]);
  },
);

t.test('a crash at the end of a turn is reported without a message, and the actor goes on', async (t) => {
  let throws = true;
  const { mailbox, batches, crashes } = box(
    t,
    {},
    {
      turnEnded() {
        if (throws) throw new Error('at the end');
      },
    },
  );
  mailbox.tell(1);
  await turns(3);
  throws = false;
  mailbox.tell(2);
  await turns(3);
  t.same(batches, [[1], [2]]);
  t.match(crashes, [[{ message: 'at the end' }, undefined]]);
});

t.test('a crash may pause the actor or stop it', async (t) => {
  const paused = box(
    t,
    {},
    {
      receive(message) {
        if (message === 1) throw new Error('boom');
      },
      crashed: () => 'pause',
    },
  );
  const stopped = box(
    t,
    {},
    {
      receive(message) {
        if (message === 1) throw new Error('boom');
      },
      crashed: () => 'stop',
    },
  );
  for (const { mailbox } of [paused, stopped]) [1, 2].forEach((message) => mailbox.tell(message));
  await turns(5);
  t.same([paused.batches.flat(), stopped.batches.flat()], [[], []]);
  paused.mailbox.resume();
  await turns(5);
  t.same(paused.batches.flat(), [2]);
  t.ok(stopped.mailbox.isStopped);
});

t.test('an actor that stops itself in a turn deals with nothing more', async (t) => {
  let rest: number[] = [];
  const { mailbox } = box(
    t,
    {},
    {
      receive(message) {
        if (message === 2) rest = mailbox.stop();
      },
    },
  );
  [1, 2, 3].forEach((message) => mailbox.tell(message));
  await turns(5);
  t.same(rest, [3]);
});
