import type { ErrorCode } from '../engine/errors.js';
import { messageJson } from '../engine/json.js';
import type { Answer } from '../engine/messages/answers.js';
import type { PostCommand } from '../engine/messages/commands.js';
import { impossible } from './answers.js';
import { problemOf } from './problem.js';

const JSON_ANSWER = 'application/json; charset=utf-8';

/** What a post is answered over HTTP, whichever way it came. */
export interface PostAnswer {
  readonly status: number;
  /** Name, value, name, value … */
  readonly headers: readonly string[];
  readonly body: string;
  /** Of the problem that the body tells; null: it is none. */
  readonly code: ErrorCode | null;
}

/** @throws for an answer that a post cannot have. */
export function postAnswer(answer: Answer, { id, room_id }: PostCommand, requestId: string): PostAnswer {
  switch (answer.type) {
    case 'posted': {
      const location = `/api/messages/${id}`;
      const headers = ['x-request-id', requestId, 'location', location, 'content-type', JSON_ANSWER];
      return { status: 201, headers, body: messageJson(answer.message), code: null };
    }
    case 'queued': {
      const body = JSON.stringify({ id, room_id, status: 'queued' });
      return {
        status: 202,
        headers: ['x-request-id', requestId, 'content-type', JSON_ANSWER],
        body,
        code: null,
      };
    }
    case 'refused':
      return postRefusal(answer.code, answer.message, requestId);
    default:
      return impossible(answer);
  }
}

/** A post that is refused with this code. */
export function postRefusal(code: ErrorCode, detail: string, requestId: string): PostAnswer {
  const { headers, problem } = problemOf(code, detail);
  const all = ['x-request-id', requestId, ...headers];
  return { status: problem.status, headers: all, body: JSON.stringify(problem), code };
}
