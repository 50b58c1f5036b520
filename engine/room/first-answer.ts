import { refused, type Answer } from '../messages/answers.js';
import type { ChangeCommand, PostCommand } from '../messages/commands.js';
import type { DurableEvent } from '../messages/events.js';
import { samePolicy } from '../messages/policy.js';
import { nameOf } from '../text/names.js';
import { done, type Context } from './decision.js';
import { view } from './facts.js';
import type { RoomState } from './state.js';

/**
 * The answer to a command that was carried out before: the same as the first time, with the room as it is now. A refusal if
 * `first`, the event that has its id, is that of another command.
 */
export function firstAnswer(
  command: PostCommand | ChangeCommand,
  first: DurableEvent,
  state: RoomState,
  ctx: Context,
): Answer {
  const answer = first.room_id === command.room_id ? answerFor(command, first, state, ctx) : null;
  if (answer) return answer;
  const what = command.type === 'post' ? 'message' : 'command';
  const other = first.type === 'message_posted' ? `another message` : `an event that is no message`;
  const used = command.type === 'post' ? other : `something else (${first.type})`;
  const text = `${what} id ${command.id ?? ''} was used before for ${used}`;
  return refused({ code: 'id_conflict', message: text });
}

/** Null: the event is not what this command causes. */
function answerFor(
  command: PostCommand | ChangeCommand,
  first: DurableEvent,
  state: RoomState,
  ctx: Context,
): Answer | null {
  switch (command.type) {
    case 'post': {
      const isSame = first.type === 'message_posted' && isSameUser(first.user, command.user);
      return isSame && first.text === command.text.trim() ? { type: 'posted', message: first } : null;
    }
    case 'open': {
      if (first.type !== 'room_opened' && first.type !== 'policy_changed') return null;
      if (!samePolicy({ ...first.policy, ...command.policy }, first.policy)) return null;
      return { type: 'opened', created: first.type === 'room_opened', room: view(state, ctx) };
    }
    case 'close': {
      const isSame = first.type === 'room_closed' && first.reason === 'deleted';
      return isSame && first.purged === command.purge ? done() : null;
    }
    case 'kick':
      return first.type === 'member_kicked' && isSameUser(first.user, command.user) ? done() : null;
  }
}

/** `kept`: the name in an event, which may be of a time before names were kept in one spelling. */
function isSameUser(kept: string | null, user: string | null): boolean {
  return kept === user || (kept !== null && nameOf(kept) === user);
}
