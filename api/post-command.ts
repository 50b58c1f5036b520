import type { Static } from '@sinclair/typebox';
import { actingUser, type Grant } from '../engine/access/grant.js';
import type { Refusal } from '../engine/errors.js';
import { newId } from '../engine/ids.js';
import type { PostCommand } from '../engine/messages/commands.js';
import type { PostBody } from './schemas.js';

export const POST_PATH = '/api/rooms/:room_id/messages';

interface PostRequest {
  readonly room_id: string;
  readonly body: Static<typeof PostBody>;
  /** The Idempotency-Key. */
  readonly key: string | undefined;
  readonly request_id: string;
}

const TWO_IDS: Refusal = {
  code: 'bad_request',
  message: 'id and Idempotency-Key name two different messages: send one of them',
};

/** The command that a well-formed request to post asks for, or why this caller may not ask for it. */
export function postCommand(
  grant: Grant,
  { room_id, body, key, request_id }: PostRequest,
): PostCommand | Refusal {
  const { text } = body;
  const given = body.id ?? key;
  if (key !== undefined && given !== key) return TWO_IDS;
  const acting = actingUser(grant, body.user);
  if ('code' in acting) return acting;
  const by = acting.user;
  return given === undefined
    ? { type: 'post', room_id, id: newId(), user: by, text, request_id, fresh: true }
    : { type: 'post', room_id, id: given, user: by, text, request_id };
}
