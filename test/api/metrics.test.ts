import t from 'tap';
import { createMetrics } from '../../api/metrics.js';

t.test('a state that cannot be read fails the scrape, and not its caller', async (t) => {
  const metrics = createMetrics();
  metrics.watch(() => {
    throw new Error('no state');
  });
  let scrape: Promise<string> | undefined;
  t.doesNotThrow(() => void (scrape = metrics.text()));
  await t.rejects(scrape ?? Promise.resolve(''), { message: 'no state' });
});
