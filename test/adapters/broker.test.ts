import t from 'tap';
import { createInProcessBroker } from '../../adapters/in-process/broker.js';
import { systemClock } from '../../adapters/system/clock.js';
import { brokerConformance } from '../conformance/broker.js';
import { Cable } from './rabbitmq/cable.js';
import { cleanBroker, makeNode } from './rabbitmq/node.js';

t.setTimeout(110_000);

brokerConformance('in-process', async () => {
  const broker = createInProcessBroker({ clock: systemClock });
  return { broker, durable: false, close: () => broker.close() };
});

brokerConformance('rabbitmq', async () => {
  const url = await cleanBroker();
  const { broker } = makeNode(url);
  return {
    broker,
    durable: true,
    second: async () => makeNode(url).broker,
    remote: async (t) => {
      const cable = await Cable.to(t, url);
      return {
        broker: makeNode(cable.url).broker,
        cut: () => cable.cut(),
        silence: () => cable.silence(),
        mend: () => cable.mend(),
        end: () => cable.end(),
      };
    },
    close: () => broker.close(),
  };
});
