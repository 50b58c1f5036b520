import type { Refuse } from '../adapters/http/refusals.js';
import type { ErrorCode } from '../engine/errors.js';
import { requestIdOf } from '../engine/hello.js';
import type { ClientAddress } from './client-address.js';
import { withoutToken } from './access/token.js';
import { tenths, type NodeLog } from './logging.js';
import type { Metrics } from './metrics.js';
import { writtenProblem } from './written-answer.js';

/** Answers, logs and counts what the HTTP server itself refuses, as the routes do with their refusals. */
export interface Refusals {
  readonly refuse: Refuse;
  /** Whether a request was refused in a route's place, so that its refusal is logged and counted already. */
  has(raw: object): boolean;
}

export function createRefusals(
  log: Pick<NodeLog, 'requested'>,
  metrics: Pick<Metrics, 'refused' | 'requestsTo'>,
  addressOf: ClientAddress,
): Refusals {
  const overruled = new WeakSet();
  return {
    refuse({ status, detail, method, url: sentUrl, headers: sent, peer, ms, raw }) {
      if (raw !== null) overruled.add(raw);
      const url = withoutToken(sentUrl);
      const code = codeOfStatus(status);
      const ip = addressOf(peer, sent['x-forwarded-for']?.toString() ?? '');
      const request_id = requestIdOf(sent['x-request-id']?.toString() ?? '');
      const answer = writtenProblem(code, detail, request_id);
      metrics.refused(code);
      // The app counts the requests that it has seen.
      if (raw === null) metrics.requestsTo(method, null)(answer.status, ms);
      log.requested({ request_id, method, url, status: answer.status, ms: tenths(ms), ip });
      return answer;
    },
    has: (raw) => overruled.has(raw),
  };
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  408: 'request_timeout',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  417: 'expectation_failed',
};

/** The code for a status that Fastify or the HTTP server chose. */
export function codeOfStatus(status: number | undefined): ErrorCode {
  if (status === undefined || status < 400 || status >= 500) return 'internal';
  return CODES[status] ?? 'bad_request';
}
