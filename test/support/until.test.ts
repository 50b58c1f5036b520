import t from 'tap';
import { until } from './until.js';

t.test('resolves with the first truthy answer', async (t) => {
  let asked = 0;
  t.equal(
    await until(() => (++asked === 3 ? 'third' : undefined), { intervalMs: 1, what: 'the third' }),
    'third',
  );
  t.equal(asked, 3);
});

t.test('gives up with a text that says what it waited for', async (t) => {
  await t.rejects(
    until(async () => false, { timeoutMs: 5, intervalMs: 1, what: 'rain' }),
    new Error('gave up waiting for rain after 5 ms'),
  );
});

t.test('passes on at once what the condition throws', async (t) => {
  const condition = (): boolean => {
    throw new Error('it will never rain');
  };
  await t.rejects(until(condition, { what: 'rain' }), new Error('it will never rain'));
});
