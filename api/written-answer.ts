import type { FastifyReply } from 'fastify';
import type { ErrorCode } from '../engine/errors.js';
import { problemOf, setHeaders } from './problem.js';

/** An answer with its headers and body written out, for those that Fastify does not serialize. */
export interface WrittenAnswer {
  readonly status: number;
  /** Name, value, name, value … */
  readonly headers: readonly string[];
  readonly body: string;
  /** Of the problem in the body; null: it is none. */
  readonly code: ErrorCode | null;
}

/** A refusal as a written answer. `retryAfterMs`: left out, as the code says. */
export function writtenProblem(
  code: ErrorCode,
  detail: string,
  requestId: string,
  retryAfterMs?: number,
): WrittenAnswer {
  const { headers, problem } = problemOf(code, detail, { retryAfterMs });
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
  // The body is JSON already, and the headers have its type.
  return reply.code(status).serializer(String).send(body);
}
