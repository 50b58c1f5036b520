import type { Audiences } from './audiences.js';
import { errorText } from './errors.js';
import { Dispatcher, type Parent } from './dispatcher.js';
import { Mailbox, type Behaviour } from './mailbox.js';
import { refused } from './messages/answers.js';
import type { RoomEvent } from './messages/events.js';
import type { BrokerHandlers, Delivery, Log, Meter } from './ports.js';
import type { Rooms } from './rooms.js';

type BridgeMessage = Delivery | RoomEvent;

const LIMITS = { limit: 200_000, batch: 8_192 };

/** The actor between the broker and the mailboxes: commands to rooms, events to audiences, each in their order. */
export function createBridge(
  root: Parent,
  parts: { rooms: Rooms; audiences: Audiences; log: Log; meter: Meter },
): BrokerHandlers & { readonly waiting: number } {
  const { rooms, audiences, log, meter } = parts;
  const behaviour: Behaviour<BridgeMessage> = {
    receive(message) {
      if ('command' in message) rooms.tell(message);
      else audiences.event(message);
    },
    crashed(cause, message) {
      meter.crashed('bridge');
      log.error({ cause: errorText(cause) }, 'bridge: a crash; the message is given up');
      if (message && 'command' in message) {
        message.settle(refused({ code: 'internal', message: 'the command could not be handed to its room' }));
      }
      return 'resume';
    },
  };
  const mailbox = new Mailbox<BridgeMessage>(new Dispatcher(root, 'bridge'), LIMITS, behaviour);
  return {
    command(delivery) {
      if (mailbox.tell(delivery)) return;
      meter.dropped('bridge_mailbox_full');
      delivery.settle(
        refused({ code: 'unavailable', message: 'this node has too much to do; try again in a second' }),
      );
    },
    events(events) {
      for (const event of events) {
        // The audience sees the gap at the next event and reads what is missing from the store.
        if (!mailbox.tell(event)) meter.dropped('bridge_mailbox_full');
      }
    },
    get waiting() {
      return mailbox.depth;
    },
  };
}
