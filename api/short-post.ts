import type { Static } from '@sinclair/typebox';
import type { PlainAnswer, PlainHead, ShortCut } from '../adapters/http/short-cut.js';
import { OVERLOADED } from '../engine/admission.js';
import { ANYBODY, may, type Grant } from '../engine/access/grant.js';
import type { Engine } from '../engine/engine.js';
import { errorText } from '../engine/errors.js';
import { requestIdOf } from '../engine/hello.js';
import type { Answer } from '../engine/messages/answers.js';
import { checker } from '../engine/messages/check.js';
import { speller } from '../engine/messages/spelling.js';
import type { Clock, Log } from '../engine/ports.js';
import { idOfKey } from '../engine/text/message-ids.js';
import { fromUtf8 } from '../engine/text/utf8.js';
import { findToken } from './access/token.js';
import type { ClientAddress } from './client-address.js';
import { isPlainJson } from './content-type.js';
import { lateRefusals } from './late-refusals.js';
import { tenths, type NodeLog } from './logging.js';
import type { Metrics } from './metrics.js';
import type { Guard } from './origins.js';
import { postAnswer } from './post-answer.js';
import { POST_PATH, postCommand, postFault } from './post-command.js';
import { SEE_LOG } from './problem.js';
import { PostBody, PostHeaders, RoomParams } from './schemas.js';
import { writtenProblem, type WrittenAnswer } from './written-answer.js';

type RequestLog = Pick<Log, 'error'> & Pick<NodeLog, 'requested'>;

const [BEFORE_ROOM = '', AFTER_ROOM = ''] = POST_PATH.split(':room_id');

const paramFaults = checker(RoomParams);
const headerFaults = checker(PostHeaders);
const bodyFaults = checker(PostBody);
const spellBody = speller(PostBody);

/**
 * The short way of a post: nine in ten requests of a busy node are well-formed posts, and Fastify's way through
 * routing, hooks and reply costs twice what the room does. It answers those exactly as the route in
 * routes/messages.ts does (tests compare them), logs the same line, and leaves every other request to Fastify, also
 * one whose token is not known yet.
 */
export function shortPost(
  parts: {
    engine: Pick<Engine, 'ask' | 'isOverloaded' | 'access'>;
    metrics: Pick<Metrics, 'refused' | 'requestsTo'>;
    guard: Pick<Guard, 'refusal'>;
    addressOf: ClientAddress;
    clock: Clock;
    /** The route's limit. A larger body is left to the route. */
    maxBodyBytes: number;
  },
  log: RequestLog,
): ShortCut {
  const { engine, metrics, guard, addressOf, maxBodyBytes } = parts;
  const { access } = engine;
  const late = lateRefusals(parts.clock);
  const count = metrics.requestsTo('POST', POST_PATH);

  function failure(request_id: string, cause: unknown): WrittenAnswer {
    log.error({ request_id, cause: errorText(cause) }, 'request: failed');
    return writtenProblem('internal', SEE_LOG, request_id);
  }

  /** The grant of a caller who may post; null: the route decides. */
  function grantFor(authorization: string | undefined, room_id: string): Grant | null {
    if (!access.isRequired) return ANYBODY;
    const found = findToken({ authorization, query: null });
    if ('fault' in found || found.token === null) return null;
    const grant = access.known(found.token);
    return grant !== null && may(grant, 'post', room_id) ? grant : null;
  }

  return {
    pattern: POST_PATH,
    // Posts of pages have an Origin, and their answers need the headers of CORS.
    wants: ({ headers }: PlainHead): boolean =>
      isPlainJson(headers['content-type']) &&
      headers.origin === undefined &&
      guard.refusal('', headers.host ?? '') === null,
    /** Returns a function that carries the post out and answers it, to be called once; null: left to Fastify. */
    take({ url, headers }: PlainHead, bytes: Buffer, answer: (answer: PlainAnswer) => void, peer) {
      const since = performance.now();
      if (bytes.length > maxBodyBytes) return null;
      if (!url.startsWith(BEFORE_ROOM) || !url.endsWith(AFTER_ROOM)) return null;
      const room_id = url.slice(BEFORE_ROOM.length, -AFTER_ROOM.length);
      if (paramFaults({ room_id }) !== null || headerFaults(headers) !== null) return null;
      const grant = grantFor(headers.authorization, room_id);
      if (grant === null) return null;
      const sent = headers['x-request-id']?.toString();
      const request_id = requestIdOf(sent ?? '');
      const finish = (last: WrittenAnswer): void => {
        const { status, code } = last;
        if (code !== null) metrics.refused(code);
        const ms = performance.now() - since;
        count(status, ms);
        const told = { request_id, method: 'POST', url, status, ms: tenths(ms) };
        if (status < 400) log.requested(told);
        else {
          const forwardedFor = headers['x-forwarded-for']?.toString() ?? '';
          log.requested({ ...told, ip: addressOf(peer(), forwardedFor) });
        }
        answer(last);
      };
      // Checked first, so that a refusal for overload costs as little as possible.
      if (engine.isOverloaded())
        return () => late.add(() => finish(writtenProblem(OVERLOADED.code, OVERLOADED.message, request_id)));
      const body = parse(bytes);
      if (body === null) return null;
      const key = headers['idempotency-key']?.toString();
      const id = key && idOfKey(key);
      if (postFault(grant, body, id) !== null) return null;
      const command = postCommand(grant, room_id, body, id, { id: request_id, sent });
      // The engine calls this, and expects that it does not throw.
      const answered = (given: Answer): void => {
        try {
          let last: WrittenAnswer;
          try {
            last = postAnswer(given, command, request_id);
          } catch (cause) {
            last = failure(request_id, cause);
          }
          finish(last);
        } catch (cause) {
          log.error({ request_id, cause: errorText(cause) }, 'request: not answered');
        }
      };
      return () => {
        try {
          engine.ask(command, grant, answered);
        } catch (cause) {
          finish(failure(request_id, cause));
        }
      };
    },
  };
}

/** A body that fits its schema; null: the route decides. */
function parse(bytes: Buffer): Static<typeof PostBody> | null {
  const text = fromUtf8(bytes);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return bodyFaults(value) === null ? spellBody(value as Static<typeof PostBody>) : null;
  } catch {
    return null; // Fastify answers what is wrong with it.
  }
}
