import { messageJson } from '../engine/json.js';
import type { Answer } from '../engine/messages/answers.js';
import type { PostCommand } from '../engine/messages/commands.js';
import { impossible, queued } from './answers.js';
import { writtenProblem, type WrittenAnswer } from './written-answer.js';

const JSON_ANSWER = 'application/json; charset=utf-8';

/**
 * What a post is answered over HTTP, whichever way it came.
 *
 * @throws for an answer that a post cannot have.
 */
export function postAnswer(answer: Answer, { id, room_id }: PostCommand, requestId: string): WrittenAnswer {
  switch (answer.type) {
    case 'posted': {
      const location = `/api/messages/${id}`;
      const headers = ['x-request-id', requestId, 'location', location, 'content-type', JSON_ANSWER];
      return { status: 201, headers, body: messageJson(answer.message), code: null };
    }
    case 'queued': {
      const headers = ['x-request-id', requestId, 'content-type', JSON_ANSWER];
      return { status: 202, headers, body: JSON.stringify(queued({ id, room_id })), code: null };
    }
    case 'refused':
      return writtenProblem(answer.code, answer.message, requestId, answer.retry_after_ms);
    default:
      return impossible(answer);
  }
}
