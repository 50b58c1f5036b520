import t from 'tap';
import { lateRefusals } from '../../api/late-refusals.js';
import { ManualClock } from '../support/clock.js';

t.test('who is refused under overload is told a second later, each once and in order', async (t) => {
  const clock = new ManualClock();
  const late = lateRefusals(clock);
  const told: number[] = [];
  late.add(() => told.push(1));
  await clock.pass(500);
  late.add(() => told.push(2));
  await clock.pass(499);
  t.same(told, [], 'nobody is told at once');
  await clock.pass(51);
  t.same(told, [1]);
  await clock.pass(1_000);
  t.same(told, [1, 2]);
  t.equal(clock.pending, 0, 'nothing goes on when nobody waits');
});

t.test('those who wait are bounded: whoever comes beyond that is told at once', async (t) => {
  const clock = new ManualClock();
  const late = lateRefusals(clock);
  let told = 0;
  for (let i = 0; i < 20_000; i++) late.add(() => told++);
  t.equal(told, 20_000 - 16_384);
  await clock.pass(1_100);
  t.equal(told, 20_000, 'and nobody is forgotten');
});
