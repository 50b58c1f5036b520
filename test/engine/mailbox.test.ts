import t from 'tap';
import fc from 'fast-check';
import { turns } from '../support/clock.js';
import { box } from './box.js';

t.test('what is told before the actor has its turn is taken in one turn, in order', async (t) => {
  const { mailbox, batches } = box(t);
  for (let i = 0; i < 100; i++) t.ok(mailbox.tell(i));
  t.equal(mailbox.depth, 100);
  t.same(batches, [], 'telling never runs the actor');
  await turns(2);
  t.same(batches, [Array.from({ length: 100 }, (_, i) => i)]);
  t.equal(mailbox.depth, 0);
});

t.test('a turn takes no more than its batch', async (t) => {
  const { mailbox, batches } = box(t, { batch: 30 });
  for (let i = 0; i < 100; i++) mailbox.tell(i);
  await turns(10);
  t.same(
    batches.map(({ length }) => length),
    [30, 30, 30, 10],
  );
  t.same(
    batches.flat(),
    Array.from({ length: 100 }, (_, i) => i),
  );
});

t.test('a turn takes no more than its time, however slow the messages are', async (t) => {
  const { mailbox, batches } = box(
    t,
    { budgetMs: 2 },
    {
      receive() {
        for (const end = performance.now() + 0.2; performance.now() < end;);
      },
    },
  );
  for (let i = 0; i < 500; i++) mailbox.tell(i);
  await turns(200);
  t.equal(batches.flat().length, 500);
  t.ok(batches.length > 5, 'several turns');
});

t.test('a full mailbox takes no more and says so, until it has dealt with some', async (t) => {
  const { mailbox, batches } = box(t, { limit: 3 });
  t.same(
    [1, 2, 3, 4].map((message) => mailbox.tell(message)),
    [true, true, true, false],
  );
  await turns(2);
  t.ok(mailbox.tell(5));
  await turns(2);
  t.same(batches.flat(), [1, 2, 3, 5]);
});

t.test('while it is paused it takes nothing, and what was told waits in order', async (t) => {
  const { mailbox, batches } = box(t);
  mailbox.tell(1);
  mailbox.pause();
  mailbox.tell(2);
  await turns(5);
  t.same(batches.flat(), []);
  t.equal(mailbox.depth, 2);
  mailbox.resume();
  mailbox.tell(3);
  await turns(5);
  t.same(batches.flat(), [1, 2, 3]);
});

t.test('what is put back comes before what waits, also from within a turn', async (t) => {
  const { mailbox, batches } = box(
    t,
    {},
    {
      receive(message) {
        if (message === 2) mailbox.putBack([20, 21]);
      },
    },
  );
  [1, 2, 3].forEach((message) => mailbox.tell(message));
  await turns(5);
  t.same(batches.flat(), [1, 2, 20, 21, 3]);
});

t.test('when it is stopped it hands back what it has not dealt with, and nothing comes after', async (t) => {
  const { mailbox, batches } = box(t, { batch: 2 });
  [1, 2, 3, 4, 5].forEach((message) => mailbox.tell(message));
  await turns(1);
  const dealtWith = batches.flat();
  t.same([...dealtWith, ...mailbox.stop()], [1, 2, 3, 4, 5]);
  t.same(mailbox.stop(), []);
  t.notOk(mailbox.tell(6));
  mailbox.putBack([7]);
  mailbox.resume();
  await turns(5);
  t.same(batches.flat(), dealtWith);
  t.equal(mailbox.depth, 0);
});

t.test('an actor that never rests does not keep the others from their turns', async (t) => {
  const busy = box(
    t,
    { limit: 1e6, batch: 100 },
    {
      receive: (message) => void busy.mailbox.tell(message + 1),
    },
  );
  const other = box(t);
  for (let i = 0; i < 100; i++) busy.mailbox.tell(i);
  for (let i = 0; i < 10; i++) {
    other.mailbox.tell(i);
    await turns(2);
    t.equal(other.batches.flat().length, i + 1);
  }
  t.ok(busy.batches.length >= 10);
  busy.mailbox.stop();
});

t.test(
  'whatever is told, paused, put back and resumed: nothing is lost, doubled or out of order',
  async (t) => {
    const action = fc.constantFrom('tell', 'tell', 'tell', 'pause', 'resume', 'turn', 'retake');
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 80 }),
        fc.integer({ min: 1, max: 5 }),
        async (actions, batch) => {
          const retake = new Set<number>();
          const { mailbox, batches } = box(
            t,
            { batch },
            {
              receive(message) {
                if (!retake.delete(message)) return;
                mailbox.putBack([message]);
                throw new Error('taken back');
              },
            },
          );
          let told = 0;
          for (const one of actions) {
            if (one === 'tell') mailbox.tell(told++);
            if (one === 'retake') retake.add(told - 1);
            if (one === 'pause') mailbox.pause();
            if (one === 'resume') mailbox.resume();
            if (one === 'turn') await turns(1);
          }
          mailbox.resume();
          await turns(told + retake.size + 5);
          const dealtWith = batches.flat();
          if (dealtWith.join() !== Array.from({ length: told }, (_, i) => i).join())
            throw new Error(dealtWith.join());
        },
      ),
      { numRuns: 200 },
    );
    t.pass('in order, each once');
  },
);
