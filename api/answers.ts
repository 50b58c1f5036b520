import type { FastifyReply } from 'fastify';
import type { Answer } from '../engine/messages/answers.js';
import { sendProblem } from './problem.js';

type Unfinished = Extract<Answer, { type: 'refused' | 'queued' }>;

/** Whether an answer is a refusal or `queued`. All calls send these two in the same way. */
export function isUnfinished(answer: Answer): answer is Unfinished {
  return answer.type === 'refused' || answer.type === 'queued';
}

/** Sends a refusal as a problem, and `queued` as 202. */
export function sendUnfinished(
  reply: FastifyReply,
  answer: Unfinished,
  about: { room_id: string; id?: string },
): FastifyReply {
  if (answer.type === 'refused')
    return sendProblem(reply, answer.code, answer.message, { retryAfterMs: answer.retry_after_ms });
  return reply.code(202).send(queued(about));
}

/** The body of a 202. */
export function queued<T extends { room_id: string; id?: string }>(about: T): T & { status: 'queued' } {
  return { ...about, status: 'queued' };
}

/** For an answer that the command cannot have. That is a bug, which the error handler answers with 500. */
export function impossible(answer: Answer): never {
  throw new Error(`the engine gave an answer of type ${answer.type} to another command`);
}
