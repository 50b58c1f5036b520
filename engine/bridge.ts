import type { AccessNews } from './access/access.js';
import type { Audiences } from './audiences.js';
import { errorText } from './errors.js';
import type { LoopTurns } from './loop-turns.js';
import { Mailbox, type Behaviour } from './mailbox.js';
import { refused } from './messages/answers.js';
import type { RoomEvent } from './messages/events.js';
import type { RoomWord } from './messages/words.js';
import type { BrokerHandlers, Delivery, Log, Meter } from './ports.js';
import type { Rooms } from './rooms.js';
import { Scheduler, type Parent } from './scheduler.js';
import type { SeatAnswer } from './seat-keeper.js';
import type { Watchers } from './watchers.js';

type BridgeMessage =
  | Delivery
  | RoomEvent
  | { readonly word: RoomWord }
  | { readonly roomId: string; readonly answer: SeatAnswer };

/**
 * As many messages as a node may take in some seconds; a turn is long, since each message is only passed on.
 */
const LIMITS = { limit: 200_000, batch: 8_192 };

export interface Bridge extends BrokerHandlers {
  /** Queues a room's answer to an audience of this node, behind the events that the room published before. */
  answer(roomId: string, answer: SeatAnswer): void;
  readonly waiting: number;
}

/**
 * The actor between the broker and the mailboxes: commands go to rooms, events and roll calls to audiences.
 * The answers of rooms to audiences come through here, too, so that they stay behind the events before them.
 */
export function createBridge(
  root: Parent,
  parts: {
    rooms: Rooms;
    audiences: Audiences;
    watchers: Pick<Watchers, 'event' | 'missed'>;
    access: AccessNews;
    disconnect: (user: string) => void;
    log: Log;
    meter: Meter;
    loop: LoopTurns;
  },
): Bridge {
  const { rooms, audiences, watchers, access, log, meter } = parts;
  const behaviour: Behaviour<BridgeMessage> = {
    receive(message) {
      if ('type' in message) audiences.event(message);
      else if ('command' in message) rooms.tell(message);
      else if ('word' in message) hear(message.word);
      else audiences.answer(message.roomId, message.answer);
    },
    crashed(cause, message) {
      meter.crashed('bridge');
      log.error({ cause: errorText(cause) }, 'bridge: a crash; the message is given up');
      if (message && 'command' in message) {
        message.settle(refused({ code: 'internal', message: 'the command could not be handed to its room' }));
      }
    },
  };
  const mailbox = new Mailbox<BridgeMessage>(new Scheduler(root, 'bridge', parts.loop), LIMITS, behaviour);

  function hear(word: RoomWord): void {
    if (word.type === 'roll_call') audiences.rollCall(word);
    else if (word.type === 'check') audiences.check(word);
    else rooms.word(word);
  }

  return {
    command(delivery) {
      if (mailbox.tell(delivery)) return;
      meter.dropped('bridge_mailbox_full');
      delivery.retry('this node has too much to do', true);
    },
    events(events) {
      for (const event of events) {
        watchers.event(event);
        if (mailbox.tell(event)) continue;
        meter.dropped('bridge_mailbox_full');
        audiences.lost(event.room_id);
      }
    },
    word(word) {
      // These must not be dropped, and end connections at once.
      if (word.type === 'revoked') return access.revoked(word.revocation);
      if (word.type === 'unrevoked') return access.unrevoked(word.key);
      if (word.type === 'disconnect') return parts.disconnect(word.user);
      // A word may be lost: a roll call is repeated until it is answered, and typing is best effort.
      if (!mailbox.tell({ word })) meter.dropped('bridge_mailbox_full');
    },
    answer(roomId, answer) {
      if (!mailbox.tell({ roomId, answer })) mailbox.tellFirst({ roomId, answer });
    },
    missed(mayBeGone) {
      audiences.missed(mayBeGone);
      watchers.missed();
      access.missed();
    },
    // Not queued behind the commands: those of the ended session that wait here must not be decided any more.
    sessionEnded: (session) => rooms.sessionEnded(session),
    nodeGone(nodeId) {
      rooms.nodeGone(nodeId);
      audiences.nodeGone(nodeId);
    },
    get waiting() {
      return mailbox.depth;
    },
  };
}
