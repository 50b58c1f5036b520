import t from 'tap';
import { createAnswerPace } from '../../api/answer-pace.js';
import { turns } from '../support/clock.js';

t.test(
  'one long page is answered at once, and of many one in each turn of the event loop, in order',
  async (t) => {
    const pace = createAnswerPace();
    const had: number[] = [];
    for (let page = 1; page <= 4; page++) void pace.wait(100).then(() => had.push(page));
    await Promise.resolve();
    t.same(had, [1]);
    for (let turn = 2; turn <= 4; turn++) {
      await turns(1);
      t.same(had.length, turn);
    }
    t.same(had, [1, 2, 3, 4]);
  },
);

t.test('short answers share a turn, and none of them waits behind nothing', async (t) => {
  const pace = createAnswerPace();
  let had = 0;
  for (let i = 0; i < 250; i++) void pace.wait(i % 2).then(() => had++);
  await Promise.resolve();
  t.equal(had, 100);
  await turns(1);
  t.equal(had, 200);
  await turns(1);
  t.equal(had, 250);
});
