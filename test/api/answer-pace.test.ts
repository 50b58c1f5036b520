import t from 'tap';
import { createAnswerPace } from '../../api/answer-pace.js';
import { turns } from '../support/clock.js';
import { until } from '../support/until.js';

t.test(
  'one long page is answered at once, and of many never two in one turn of the event loop, in order',
  async (t) => {
    const pace = createAnswerPace();
    const had: number[] = [];
    for (let page = 1; page <= 5; page++) void pace.wait(100).then(() => had.push(page));
    await Promise.resolve();
    t.same(had, [1]);
    while (had.length < 5) {
      const before = had.length;
      await turns(1);
      t.ok(had.length <= before + 1);
    }
    t.same(had, [1, 2, 3, 4, 5]);
  },
);

t.test('short answers share a turn, and all of them come', async (t) => {
  const pace = createAnswerPace();
  let had = 0;
  for (let i = 0; i < 250; i++) void pace.wait(i % 2).then(() => had++);
  await Promise.resolve();
  t.equal(had, 100);
  await until(() => had === 250, { what: () => `250 answers, not ${had}` });
  await turns(5);
  void pace.wait(1).then(() => had++);
  await Promise.resolve();
  t.equal(had, 251, 'and afterwards the next one does not wait');
});
