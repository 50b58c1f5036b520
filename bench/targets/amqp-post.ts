import type { Answer } from '../../engine/messages/answers.js';
import type { Command } from '../../engine/messages/commands.js';
import type { MessagePosted } from '../../engine/messages/events.js';

const ID = '0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a';
const ROOM = 'channel:bench-0';
const TEXT = 'A message as people write them in a chat: some words, not many, and a full stop.';

const COMMAND: Command = {
  type: 'post',
  room_id: ROOM,
  id: ID,
  user: 'user-100',
  text: TEXT,
  request_id: ID,
  fresh: true,
};
const EVENT: MessagePosted = {
  type: 'message_posted',
  event_id: ID,
  room_id: ROOM,
  seq: 100_000,
  at: '2026-01-01T00:00:00.000Z',
  request_id: ID,
  user: 'user-100',
  text: TEXT,
};
const ANSWER: Answer = { type: 'posted', message: EVENT };

/** One post on its way through the broker: the bodies of the three AMQP messages that Parlor sends for it. */
export const BODIES = {
  command: Buffer.from(JSON.stringify([COMMAND])),
  answer: Buffer.from(JSON.stringify([[0, ANSWER]])),
  event: Buffer.from(JSON.stringify([EVENT])),
} as const;
