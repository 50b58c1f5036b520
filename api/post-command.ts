import type { Static } from '@sinclair/typebox';
import { newId } from '../engine/ids.js';
import type { PostCommand } from '../engine/messages/commands.js';
import type { PostBody } from './schemas.js';

export const POST_PATH = '/api/rooms/:room_id/messages';

/** The command that a checked request to post asks for; null where its id and its Idempotency-Key differ. */
export function postCommand(
  room_id: string,
  body: Static<typeof PostBody>,
  key: string | undefined,
  request_id: string,
): PostCommand | null {
  const { text, user } = body;
  const given = body.id ?? key;
  if (key !== undefined && given !== key) return null;
  const by = user ?? null;
  return given === undefined
    ? { type: 'post', room_id, id: newId(), user: by, text, request_id, fresh: true }
    : { type: 'post', room_id, id: given, user: by, text, request_id };
}
