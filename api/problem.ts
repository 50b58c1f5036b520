import { Type, type Static } from '@sinclair/typebox';
import type { FastifyReply } from 'fastify';
import { ERRORS, ERROR_CODES, retryOf, type ErrorCode } from '../engine/errors.js';
import type { Fault } from '../engine/messages/check.js';

/** An error over HTTP: RFC 9457, with our code and, for a bad body, what is wrong where. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'urn:parlor:error: and the code' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'what the sender can do about it' }),
    code: Type.Unsafe<ErrorCode>(Type.String({ enum: [...ERROR_CODES] })),
    retry: Type.Boolean({ description: 'whether the same request may succeed later' }),
    retry_after_ms: Type.Optional(
      Type.Integer({ minimum: 0, description: 'with retry: do not ask again sooner; as Retry-After, in ms' }),
    ),
    errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  },
  { title: 'Problem', description: 'RFC 9457 problem details' },
);
export type Problem = Static<typeof Problem>;

declare module 'fastify' {
  interface FastifyReply {
    /** The code of the problem this request ended in, or null; for the metrics. */
    problemCode: ErrorCode | null;
  }
}

export interface ProblemDetails {
  /** What is wrong where. */
  readonly errors?: readonly Fault[] | undefined;
  /** When the same may succeed, ms from now; left out: as the code says. */
  readonly retryAfterMs?: number | undefined;
}

/** The body of an error, and its headers (name, value, name, value …) besides those of every answer. */
export function problemOf(
  code: ErrorCode,
  detail: string,
  { errors, retryAfterMs }: ProblemDetails = {},
): { headers: readonly string[]; problem: Problem } {
  const { http, title } = ERRORS[code];
  const { retry, retry_after_ms } = retryOf(code, retryAfterMs);
  const retryAfter =
    retry_after_ms === undefined ? [] : ['retry-after', String(Math.ceil(retry_after_ms / 1_000))];
  return {
    headers: [...retryAfter, 'content-type', 'application/problem+json'],
    problem: {
      type: `urn:parlor:error:${code}`,
      title,
      status: http,
      detail,
      code,
      retry,
      ...(retry_after_ms === undefined ? {} : { retry_after_ms }),
      ...(errors ? { errors: [...errors] } : {}),
    },
  };
}

/** Ends a request with a problem. */
export function sendProblem(
  reply: FastifyReply,
  code: ErrorCode,
  detail: string,
  details?: ProblemDetails,
): FastifyReply {
  const { headers, problem } = problemOf(code, detail, details);
  reply.problemCode = code;
  setHeaders(reply, headers);
  return reply.code(problem.status).serializer(JSON.stringify).send(problem);
}

/** What a client is told of a bug. */
export const SEE_LOG = 'see the log for this x-request-id';

/** Sets headers that are given as name, value, name, value … */
export function setHeaders(reply: FastifyReply, headers: readonly string[]): void {
  for (let at = 0; at < headers.length; at += 2) void reply.header(headers[at] ?? '', headers[at + 1] ?? '');
}
