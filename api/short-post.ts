import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http';
import type { Static } from '@sinclair/typebox';
import { toMessage } from '../engine/codec.js';
import { OVERLOADED } from '../engine/admission.js';
import { errorText, type ErrorCode } from '../engine/errors.js';
import { requestIdOf } from '../engine/hello.js';
import type { Answer } from '../engine/messages/answers.js';
import { checker } from '../engine/messages/check.js';
import type { Log } from '../engine/ports.js';
import { impossible } from './answers.js';
import { lateRefusals } from './late-refusals.js';
import type { AppParts } from './parts.js';
import { POST_PATH, postCommand } from './post-command.js';
import { problemOf } from './problem.js';
import { PostBody, PostHeaders, RoomParams } from './schemas.js';

interface Head {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

interface ShortAnswer {
  readonly status: number;
  readonly statusLine: string;
  readonly headers: readonly string[];
  readonly body: string;
}

const [BEFORE_ROOM = '', AFTER_ROOM = ''] = POST_PATH.split(':room_id');
const JSON_TYPES: ReadonlySet<unknown> = new Set(['application/json', 'application/json; charset=utf-8']);
const JSON_ANSWER = 'application/json; charset=utf-8';
const STATUS_LINES = new Map(
  Object.entries(STATUS_CODES).map(([code, text]) => [Number(code), `${code} ${text ?? ''}`]),
);

const paramFaults = checker(RoomParams);
const headerFaults = checker(PostHeaders);
const bodyFaults = checker(PostBody);

/**
 * The short way of a post: nine in ten requests of a busy node are well-formed posts, and Fastify's way through
 * routing, hooks and reply costs twice what the room does. It answers those exactly as the route in
 * routes/messages.ts does (a test compares them), logs the same line, and leaves every other request to Fastify. It
 * knows no authentication: where clients must prove who they are, it must not be used.
 */
export function shortPost({ engine, metrics }: Pick<AppParts, 'engine' | 'metrics'>, log: Log) {
  const late = lateRefusals();

  function logged(head: Head, request_id: string, since: number, answer: ShortAnswer): ShortAnswer {
    const ms = Math.round((performance.now() - since) * 10) / 10;
    log.info({ request_id, method: 'POST', url: head.url, status: answer.status, ms }, 'request');
    return answer;
  }

  function refusal(request_id: string, code: ErrorCode, detail: string): ShortAnswer {
    metrics.refused(code);
    const { status, contentType, retryAfter, problem } = problemOf(code, detail);
    const retry = retryAfter === null ? [] : ['retry-after', retryAfter];
    return json(status, ['x-request-id', request_id, ...retry, 'content-type', contentType], problem);
  }

  function answerOf(answer: Answer, request_id: string, about: { room_id: string; id: string }): ShortAnswer {
    switch (answer.type) {
      case 'posted':
        return json(
          201,
          ['x-request-id', request_id, 'location', `/api/messages/${about.id}`, 'content-type', JSON_ANSWER],
          toMessage(answer.message),
        );
      case 'refused':
        return refusal(request_id, answer.code, answer.message);
      case 'queued':
        return json(202, ['x-request-id', request_id, 'content-type', JSON_ANSWER], {
          id: about.id,
          room_id: about.room_id,
          status: 'queued',
        });
      default:
        return impossible(answer);
    }
  }

  return {
    pattern: POST_PATH,
    wants: ({ headers }: Head): boolean => JSON_TYPES.has(headers['content-type']),
    take(head: Head, bytes: Buffer, answer: (answer: ShortAnswer) => void): boolean {
      const since = performance.now();
      const { url, headers } = head;
      if (!url.startsWith(BEFORE_ROOM) || !url.endsWith(AFTER_ROOM)) return false;
      const room_id = url.slice(BEFORE_ROOM.length, -AFTER_ROOM.length);
      if (paramFaults({ room_id }) !== null || headerFaults(headers) !== null) return false;
      const request_id = requestIdOf(headers['x-request-id']?.toString() ?? '');
      if (engine.isOverloaded()) {
        late.add(() =>
          answer(logged(head, request_id, since, refusal(request_id, OVERLOADED.code, OVERLOADED.message))),
        );
        return true;
      }
      const body = parse(bytes.toString('utf8'));
      if (body === null) return false;
      const key = headers['idempotency-key']?.toString();
      const command = postCommand(room_id, body, key, request_id);
      if (command === null) return false;
      engine
        .request(command)
        .then((given) => answerOf(given, request_id, command))
        .catch((cause: unknown) => {
          log.error({ request_id, cause: errorText(cause) }, 'request: failed');
          return refusal(request_id, 'internal', 'see the log for this x-request-id');
        })
        .then((last) => answer(logged(head, request_id, since, last)))
        .catch((cause: unknown) =>
          log.error({ request_id, cause: errorText(cause) }, 'request: not answered'),
        );
      return true;
    },
  };
}

function json(status: number, headers: readonly string[], value: object): ShortAnswer {
  return {
    status,
    statusLine: STATUS_LINES.get(status) ?? String(status),
    headers,
    body: JSON.stringify(value),
  };
}

/** A body that fits its schema; null for one that has to be looked at more closely. */
function parse(text: string): Static<typeof PostBody> | null {
  try {
    const value: unknown = JSON.parse(text);
    return bodyFaults(value) === null ? (value as Static<typeof PostBody>) : null;
  } catch {
    return null; // Fastify says what is wrong with it.
  }
}
