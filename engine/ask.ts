import type { Refusal } from './errors.js';
import { newId } from './ids.js';
import { notDelivered } from './messages/answers.js';
import { isChange, isStored, type Command } from './messages/commands.js';
import type { Broker, Store } from './ports.js';

/** Sends a command to its room, as `Broker.request` does. */
export type Ask = Broker['request'];

/** A fixed text: the store's own reason names hosts and files, and is for the log and for `/health/ready`. */
const NO_STORE: Refusal = {
  code: 'unavailable',
  message: 'nothing can be stored now, so nothing was accepted; try again in a moment',
};

/**
 * The way of clients' commands to the broker. What would have to be stored is refused at once while this node knows that
 * its store is down. A durable broker would take it, and it would be carried out hours later, long after whoever sent it
 * has tried something else.
 */
export function createAsk(broker: Broker, store: Store): Ask {
  return (command, onAnswer) => {
    if (isStored(command.type) && !store.state().ready)
      queueMicrotask(() => onAnswer(notDelivered('no', NO_STORE)));
    else broker.request(identified(command), onAnswer);
  };
}

/** A command that changes its room has an id from here on, so that it takes effect once however often it arrives. */
function identified(command: Command): Command {
  if (!isChange(command) || command.id !== undefined) return command;
  return { ...command, id: newId(), fresh: true };
}
