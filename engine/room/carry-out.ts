import { notDelivered } from '../messages/answers.js';
import type {
  AssertCommand,
  ChangeCommand,
  Command,
  JoinCommand,
  PostCommand,
} from '../messages/commands.js';
import type { DurableEvent } from '../messages/events.js';
import type { Delivery } from '../ports.js';
import type { Attendance } from './attendance.js';
import type { RoomCore } from './core.js';
import { firstAnswer } from './first-answer.js';
import type { Repeats } from './repeats.js';

/**
 * `roll_call`: until the roll call is over. `look_up`: until the store has said whether the command is a
 * repeat. `rebuild`: until the room is rebuilt, because the store has an event of it that it does not know.
 */
export type Wait = 'roll_call' | 'look_up' | 'rebuild';

/** The parts of a room that its commands work with. */
export interface CommandParts {
  readonly core: RoomCore;
  readonly repeats: Repeats;
  readonly attendance: Attendance;
}

/**
 * Carries out a command: decides and answers it, answers a repeat as the first time, or gives it back. Null:
 * it is dealt with. Otherwise nothing was done, and it is to be carried out again after what it has to wait
 * for. A function instead of an object: an object for each room would cost memory, and time at each post.
 */
export function carryOut(room: CommandParts, delivery: Delivery): Wait | null {
  const { command } = delivery;
  switch (command.type) {
    case 'post':
    case 'open':
    case 'close':
    case 'kick':
      return carryOutOnce(room, delivery, command);
    case 'join':
      return join(room, delivery, command);
    case 'leave':
      room.attendance.left(command.connection_id);
      return decide(room, delivery, command);
    case 'assert':
      return assert(room, delivery, command);
    default:
      return decide(room, delivery, command);
  }
}

function decide({ core }: CommandParts, delivery: Delivery, command: Command): Wait | null {
  return core.decide(delivery, command) ? null : 'roll_call';
}

/** A command with an id takes effect once. */
function carryOutOnce(
  room: CommandParts,
  delivery: Delivery,
  command: PostCommand | ChangeCommand,
): Wait | null {
  const { core, repeats } = room;
  const repeat = repeats.of(command);
  if (repeat === 'new')
    return command.type === 'post' ? decide(room, delivery, command) : change(room, delivery, command);
  if (repeat === 'unknown') return 'look_up';
  if (repeat === 'elsewhere') {
    delivery.retry('its id is being used in another room');
    return null;
  }
  if (isUnknown(core, repeat)) return 'rebuild';
  if (delivery.redelivered && repeats.isUndone(command, repeat)) {
    // Its id is taken by the event of the first time.
    const { id: _, ...anew } = command;
    return change(room, delivery, anew);
  }
  const answer = firstAnswer(command, repeat, core.state, core.context());
  if (delivery.redelivered && answer.type !== 'refused') core.repeat(repeat);
  core.answer(delivery, answer);
  return null;
}

/**
 * Whether an event is this room's, and the room does not know it: a commit that was not answered in time has
 * come true after all, and nobody was told.
 */
function isUnknown({ state }: RoomCore, { room_id, seq }: DurableEvent): boolean {
  return room_id === state.room_id && seq > state.head_seq;
}

/** A command that changes the room, perhaps not for the first time. */
function change(room: CommandParts, delivery: Delivery, command: ChangeCommand): Wait | null {
  const { core, repeats } = room;
  const { head_seq } = core.state;
  if (!core.decide(delivery, command)) return 'roll_call';
  const hasChanged = core.state.head_seq > head_seq;
  if (hasChanged && delivery.redelivered && command.type !== 'kick') repeats.redone = head_seq + 1;
  return null;
}

function join(room: CommandParts, delivery: Delivery, command: JoinCommand): Wait | null {
  const { core, attendance } = room;
  if (!core.decide(delivery, command)) return 'roll_call';
  if (delivery.redelivered && core.context().lives(command.node_id)) attendance.joinedLate(command);
  return null;
}

/** A node's list may come in several commands. It is decided when the last of them is here. */
function assert(room: CommandParts, delivery: Delivery, command: AssertCommand): Wait | null {
  if (delivery.redelivered) {
    // Connections may have come and gone since: the node is asked for a new list.
    const message = 'the list of connections may be out of date; send it anew';
    delivery.settle(notDelivered('no', { code: 'unavailable', message }));
    return null;
  }
  const whole = room.attendance.gather(command);
  if (whole === 'broken') {
    const message = 'the list of connections has lost its beginning; send it anew';
    delivery.settle(notDelivered('no', { code: 'unavailable', message }));
    return null;
  }
  if (whole !== 'more follows') return decide(room, delivery, whole);
  delivery.settle({ type: 'asserted', lost: [] });
  return null;
}
