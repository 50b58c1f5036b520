import t from 'tap';
import { prefetchFor } from '../../../adapters/rabbitmq/home/prefetch.js';
import { BODY_LIMIT } from '../../../adapters/rabbitmq/wire.js';

void t.test('what a node holds is bounded in bytes, however many partitions there are', (t) => {
  for (let partitions = 1; partitions <= 1024; partitions++) {
    const count = prefetchFor(partitions);
    if (count < 1 || count * partitions * BODY_LIMIT > 1024 ** 3)
      t.fail(`${count} with ${partitions} partitions`);
  }
  t.same([1, 4, 16, 64, 1024].map(prefetchFor), [256, 256, 64, 16, 1]);
  t.end();
});
