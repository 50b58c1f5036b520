import { Type, type Static } from '@sinclair/typebox';
import type { FastifyReply } from 'fastify';
import { ERRORS, ERROR_CODES, type ErrorCode } from '../engine/errors.js';
import type { Fault } from '../engine/messages/check.js';

/** An error as HTTP tells it: RFC 9457, with our code and, for a bad body, what is wrong where. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'urn:parlor:error: and the code' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'what the sender can do about it' }),
    code: Type.Unsafe<ErrorCode>(Type.String({ enum: [...ERROR_CODES] })),
    errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  },
  { $id: 'Problem', description: 'RFC 9457 problem details' },
);
export type Problem = Static<typeof Problem>;

declare module 'fastify' {
  interface FastifyReply {
    /** The code of the problem this request ended in, or null; for the metrics. */
    problemCode: ErrorCode | null;
  }
}

const RETRY_AFTER_S = '1';

/** An error as an answer: its status, the headers it has beside those of every answer, and its body. */
export function problemOf(
  code: ErrorCode,
  detail: string,
  errors?: readonly Fault[],
): { status: number; contentType: string; retryAfter: string | null; problem: Problem } {
  const { http, title } = ERRORS[code];
  return {
    status: http,
    contentType: 'application/problem+json',
    retryAfter: http === 429 || http === 503 ? RETRY_AFTER_S : null,
    problem: {
      type: `urn:parlor:error:${code}`,
      title,
      status: http,
      detail,
      code,
      ...(errors ? { errors: [...errors] } : {}),
    },
  };
}

/** Ends a request with a problem. */
export function sendProblem(
  reply: FastifyReply,
  code: ErrorCode,
  detail: string,
  errors?: readonly Fault[],
): FastifyReply {
  const { status, contentType, retryAfter, problem } = problemOf(code, detail, errors);
  reply.problemCode = code;
  if (retryAfter !== null) void reply.header('retry-after', retryAfter);
  return reply.code(status).type(contentType).serializer(JSON.stringify).send(problem);
}
