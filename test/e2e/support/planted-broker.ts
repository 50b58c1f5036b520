import { createRabbitBroker as createRealBroker } from '../../../adapters/rabbitmq/broker.js';
import type { Broker, BrokerHandlers, Delivery, Session } from '../../../engine/ports.js';
import { plantedFault } from './planted-fault.js';

/** The broker of the program with a planted fault; see `planted-main.ts`. */
export function createRabbitBroker(...options: Parameters<typeof createRealBroker>): Broker {
  const broker = createRealBroker(...options);
  switch (plantedFault()) {
    case 'no-fencing':
      return { ...broker, start: (handlers) => broker.start(homeForEver(handlers)) };
    case 'no-gap-repair':
      return {
        ...broker,
        start: (handlers) => broker.start({ ...bound(handlers), missed: () => undefined }),
      };
    case 'early-answers':
    case 'no-roll-call':
      return broker;
  }
}

/** Once a home, a node believes that it is one for ever. */
function homeForEver(handlers: BrokerHandlers): BrokerHandlers {
  const session: Session = { isCurrent: true, mayFollowAnother: true };
  return {
    ...bound(handlers),
    command: (delivery) =>
      handlers.command(Object.create(delivery, { session: { value: session } }) as Delivery),
    sessionEnded: () => undefined,
  };
}

/** The handlers as an object of functions, whatever they are methods of. */
function bound(handlers: BrokerHandlers): BrokerHandlers {
  return {
    command: (delivery) => handlers.command(delivery),
    events: (events) => handlers.events(events),
    word: (word) => handlers.word(word),
    missed: (mayBeGone) => handlers.missed(mayBeGone),
    sessionEnded: (session) => handlers.sessionEnded(session),
    nodeGone: (nodeId) => handlers.nodeGone(nodeId),
  };
}
