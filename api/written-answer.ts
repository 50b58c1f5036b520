import type { FastifyReply } from 'fastify';
import type { ErrorCode } from '../engine/errors.js';
import { problemOf, setHeaders } from './problem.js';

/** An answer as it goes out, for what is answered beside Fastify's own way to make one. */
export interface WrittenAnswer {
  readonly status: number;
  /** Name, value, name, value … */
  readonly headers: readonly string[];
  readonly body: string;
  /** Of the problem in the body; null: it is none. */
  readonly code: ErrorCode | null;
}

/** A refusal as it goes out. */
export function writtenProblem(code: ErrorCode, detail: string, requestId: string): WrittenAnswer {
  const { headers, problem } = problemOf(code, detail);
  return {
    status: problem.status,
    headers: ['x-request-id', requestId, ...headers],
    body: JSON.stringify(problem),
    code,
  };
}

/** Ends a request with a written answer. */
export function sendWritten(
  reply: FastifyReply,
  { status, headers, body, code }: WrittenAnswer,
): FastifyReply {
  reply.problemCode = code;
  setHeaders(reply, headers);
  // It is JSON already, and says its type itself.
  return reply.code(status).serializer(String).send(body);
}
