import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { KeptName, MessageText, RequestId, RoomId, UserName, Uuid } from './fields.js';
import { PolicyChange } from './policy.js';

function command<T extends string, P extends Record<string, TSchema>>(type: T, fields: P) {
  return Type.Object(
    {
      type: Type.Literal(type),
      room_id: RoomId,
      request_id: Type.Optional(RequestId),
      again: Type.Optional(
        Type.Boolean({ description: 'its sender has sent it before, and does not know whether it arrived' }),
      ),
      ...fields,
    },
    { additionalProperties: false },
  );
}

/** A connection, as the audience of its room on its node knows it. */
export const Presence = Type.Object(
  {
    user: KeptName,
    connection_id: Uuid,
    unsure: Type.Optional(
      Type.Boolean({ description: 'its node may have been taken for gone, and the seat be lost' }),
    ),
    asked: Type.Optional(Type.Boolean({ description: 'it has asked for a seat, and was not answered yet' })),
  },
  { additionalProperties: false },
);
export type Presence = Static<typeof Presence>;

const fresh = Type.Optional(
  Type.Boolean({ description: 'the id was made for this command a moment ago, so it cannot be a repeat' }),
);

const unlimited = Type.Optional(
  Type.Boolean({
    description: 'a service with a token of its own has asked for this: limits of users do not hold it',
  }),
);

/** A command that changes the room. Its event has its id: sent again, it is the same command. */
function change<T extends string, P extends Record<string, TSchema>>(type: T, fields: P) {
  return command(type, { id: Type.Optional(Uuid), fresh, ...fields });
}

/**
 * The wishes a room can be sent. `post`, `open`, `close`, `kick` and `describe` are for everybody; `join`,
 * `leave`, `typing` and `assert` are sent by a node for the connections it holds.
 *
 * `id` of a post is the identity of the message: sent again, it is the same message. `open`, `close` and `kick` take effect
 * once in the same way, if they have an id; the engine gives one to those of its own callers. `assert` lists all
 * connections of a node in the room that hold a seat, in one command or in several, one behind the other.
 */
export const COMMANDS = {
  post: command('post', {
    id: Uuid,
    user: Type.Union([UserName, Type.Null()]),
    text: MessageText,
    fresh,
    unlimited,
  }),
  join: command('join', { user: UserName, connection_id: Uuid, node_id: Uuid, unlimited }),
  leave: command('leave', { user: KeptName, connection_id: Uuid }),
  typing: command('typing', { user: KeptName }),
  open: change('open', { policy: PolicyChange }),
  close: change('close', { purge: Type.Boolean() }),
  kick: change('kick', { user: UserName }),
  describe: command('describe', {}),
  assert: command('assert', {
    node_id: Uuid,
    present: Type.Array(Presence),
    first: Type.Boolean({ description: 'a new list begins' }),
    last: Type.Boolean({ description: 'the list is whole: whoever of this node is not in it has gone' }),
  }),
} as const;

export const Command = Type.Union(Object.values(COMMANDS));
export type PostCommand = Static<typeof COMMANDS.post>;
export type JoinCommand = Static<typeof COMMANDS.join>;
export type AssertCommand = Static<typeof COMMANDS.assert>;
export type OpenCommand = Static<typeof COMMANDS.open>;
export type CloseCommand = Static<typeof COMMANDS.close>;
export type KickCommand = Static<typeof COMMANDS.kick>;
/** Commands that leave an event with their id. */
export type ChangeCommand = OpenCommand | CloseCommand | KickCommand;
export type Command = { [K in keyof typeof COMMANDS]: Static<(typeof COMMANDS)[K]> }[keyof typeof COMMANDS];
export type CommandType = keyof typeof COMMANDS;

const STORED: ReadonlySet<CommandType> = new Set(['post', 'open', 'close', 'kick']);

/** Whether a command of this type, when it is carried out, goes to the store. The others change seats, or nothing. */
export function isStored(type: CommandType): boolean {
  return STORED.has(type);
}

export function isChange(command: Command): command is ChangeCommand {
  return command.type === 'open' || command.type === 'close' || command.type === 'kick';
}
