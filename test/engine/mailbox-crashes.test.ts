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

t.test(
  'an actor that freezes when it crashes deals with nothing, not even what is urgent, until it resumes',
  async (t) => {
    const { mailbox, batches } = box(
      t,
      {},
      {
        receive(message) {
          if (message === 1) throw new Error('boom');
        },
        crashed: () => mailbox.freeze(),
      },
    );
    [1, 2].forEach((message) => mailbox.tell(message));
    await turns(5);
    mailbox.tellFirst(3);
    await turns(5);
    t.same(batches.flat(), []);
    mailbox.resume();
    await turns(5);
    t.same(batches.flat(), [3, 2]);
  },
);

t.test('an actor that stops when it crashes deals with nothing more', async (t) => {
  const { mailbox, batches } = box(
    t,
    {},
    {
      receive(message) {
        if (message === 1) throw new Error('boom');
      },
      crashed: () => void mailbox.stop(),
    },
  );
  [1, 2].forEach((message) => mailbox.tell(message));
  await turns(5);
  t.same(batches.flat(), []);
  t.ok(mailbox.isStopped);
});

t.test(
  'what is urgent goes first, is never refused, and is dealt with while the mailbox is paused',
  async (t) => {
    const { mailbox, batches } = box(t, { limit: 2 });
    [1, 2].forEach((message) => mailbox.tell(message));
    mailbox.pause();
    for (const message of [10, 11, 12]) mailbox.tellFirst(message);
    await turns(3);
    t.same(batches, [[10, 11, 12]]);
    mailbox.resume();
    await turns(3);
    t.same(batches, [
      [10, 11, 12],
      [1, 2],
    ]);
  },
);

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
