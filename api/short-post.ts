import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http';
import type { Static } from '@sinclair/typebox';
import { OVERLOADED } from '../engine/admission.js';
import { messageJson } from '../engine/json.js';
import type { Engine } from '../engine/engine.js';
import { errorText, type ErrorCode } from '../engine/errors.js';
import { requestIdOf } from '../engine/hello.js';
import type { Answer } from '../engine/messages/answers.js';
import { checker } from '../engine/messages/check.js';
import type { PostCommand } from '../engine/messages/commands.js';
import { speller } from '../engine/messages/spelling.js';
import type { Clock, Log } from '../engine/ports.js';
import { idOfKey } from '../engine/text/message-ids.js';
import { fromUtf8 } from '../engine/text/utf8.js';
import { impossible } from './answers.js';
import { lateRefusals } from './late-refusals.js';
import type { NodeLog } from './logging.js';
import type { Metrics } from './metrics.js';
import type { Guard } from './origins.js';
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

type RequestLog = Pick<Log, 'error'> & Pick<NodeLog, 'requested'>;

const [BEFORE_ROOM = '', AFTER_ROOM = ''] = POST_PATH.split(':room_id');
const JSON_TYPES: ReadonlySet<unknown> = new Set(['application/json', 'application/json; charset=utf-8']);
const JSON_ANSWER = 'application/json; charset=utf-8';
const STATUS_LINES = new Map(
  Object.entries(STATUS_CODES).map(([code, text]) => [Number(code), `${code} ${text ?? ''}`]),
);

const paramFaults = checker(RoomParams);
const headerFaults = checker(PostHeaders);
const bodyFaults = checker(PostBody);
const spellBody = speller(PostBody);

/**
 * The short way of a post: nine in ten requests of a busy node are well-formed posts, and Fastify's way through
 * routing, hooks and reply costs twice what the room does. It answers those exactly as the route in
 * routes/messages.ts does (a test compares them), logs the same line, and leaves every other request to Fastify. It
 * knows no authentication: where clients must prove who they are, it must not be used.
 */
export function shortPost(
  parts: {
    engine: Pick<Engine, 'ask' | 'isOverloaded'>;
    metrics: Pick<Metrics, 'refused'>;
    guard: Pick<Guard, 'refusal'>;
    clock: Clock;
  },
  log: RequestLog,
) {
  const { engine, metrics, guard } = parts;
  const late = lateRefusals(parts.clock);

  function refusal(request_id: string, code: ErrorCode, detail: string): ShortAnswer {
    metrics.refused(code);
    const { status, contentType, retryAfter, problem } = problemOf(code, detail);
    const retry = retryAfter === null ? [] : ['retry-after', retryAfter];
    const headers = ['x-request-id', request_id, ...retry, 'content-type', contentType];
    return answerWith(status, headers, JSON.stringify(problem));
  }

  function answerOf(answer: Answer, request_id: string, { id, room_id }: PostCommand): ShortAnswer {
    switch (answer.type) {
      case 'posted':
        return answerWith(
          201,
          ['x-request-id', request_id, 'location', `/api/messages/${id}`, 'content-type', JSON_ANSWER],
          messageJson(answer.message),
        );
      case 'refused':
        return refusal(request_id, answer.code, answer.message);
      case 'queued':
        return answerWith(
          202,
          ['x-request-id', request_id, 'content-type', JSON_ANSWER],
          JSON.stringify({ id, room_id, status: 'queued' }),
        );
      default:
        return impossible(answer);
    }
  }

  function failure(request_id: string, cause: unknown): ShortAnswer {
    log.error({ request_id, cause: errorText(cause) }, 'request: failed');
    return refusal(request_id, 'internal', 'see the log for this x-request-id');
  }

  return {
    pattern: POST_PATH,
    // Posts of pages, which have an Origin, need the headers of CORS.
    wants: ({ headers }: Head): boolean =>
      JSON_TYPES.has(headers['content-type']) &&
      headers.origin === undefined &&
      guard.refusal('', headers.host ?? '') === null,
    take({ url, headers }: Head, bytes: Buffer, answer: (answer: ShortAnswer) => void): boolean {
      const since = performance.now();
      if (!url.startsWith(BEFORE_ROOM) || !url.endsWith(AFTER_ROOM)) return false;
      const room_id = url.slice(BEFORE_ROOM.length, -AFTER_ROOM.length);
      if (paramFaults({ room_id }) !== null || headerFaults(headers) !== null) return false;
      const request_id = requestIdOf(headers['x-request-id']?.toString() ?? '');
      const finish = (last: ShortAnswer): void => {
        const ms = Math.round((performance.now() - since) * 10) / 10;
        log.requested({ request_id, method: 'POST', url, status: last.status, ms });
        answer(last);
      };
      if (engine.isOverloaded()) {
        late.add(() => finish(refusal(request_id, OVERLOADED.code, OVERLOADED.message)));
        return true;
      }
      const body = parse(bytes);
      if (body === null) return false;
      const key = headers['idempotency-key']?.toString();
      const command = postCommand(room_id, body, key && idOfKey(key), request_id);
      if (command === null) return false;
      // The engine calls this, and whatever goes wrong here is no business of its.
      const answered = (given: Answer): void => {
        try {
          let last: ShortAnswer;
          try {
            last = answerOf(given, request_id, command);
          } catch (cause) {
            last = failure(request_id, cause);
          }
          finish(last);
        } catch (cause) {
          log.error({ request_id, cause: errorText(cause) }, 'request: not answered');
        }
      };
      try {
        engine.ask(command, answered);
      } catch (cause) {
        finish(failure(request_id, cause));
      }
      return true;
    },
  };
}

function answerWith(status: number, headers: readonly string[], body: string): ShortAnswer {
  return { status, statusLine: STATUS_LINES.get(status) ?? String(status), headers, body };
}

/** A body that fits its schema; null for one that has to be looked at more closely. */
function parse(bytes: Buffer): Static<typeof PostBody> | null {
  const text = fromUtf8(bytes);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return bodyFaults(value) === null ? spellBody(value as Static<typeof PostBody>) : null;
  } catch {
    return null; // Fastify says what is wrong with it.
  }
}
