import type { Refuse } from '../adapters/http/refusals.js';
import type { ErrorCode } from '../engine/errors.js';
import { requestIdOf } from '../engine/hello.js';
import type { NodeLog } from './logging.js';
import type { Metrics } from './metrics.js';
import { problemOf } from './problem.js';

/** Refusals of the HTTP server itself: answered, logged and counted as those of the routes are. */
export interface Refusals {
  readonly refuse: Refuse;
  /** Whether a request that a route has seen was refused in its place, and so is logged and counted already. */
  has(raw: object): boolean;
}

export function createRefusals(log: Pick<NodeLog, 'requested'>, metrics: Pick<Metrics, 'refused'>): Refusals {
  const overruled = new WeakSet();
  return {
    refuse({ status, detail, method, url, headers: sent, ms, raw }) {
      if (raw !== null) overruled.add(raw);
      const code = codeOfStatus(status);
      const request_id = requestIdOf(sent['x-request-id']?.toString() ?? '');
      const { headers, problem } = problemOf(code, detail);
      metrics.refused(code);
      log.requested({ request_id, method, url, status: problem.status, ms: Math.round(ms * 10) / 10 });
      return { headers: ['x-request-id', request_id, ...headers], body: JSON.stringify(problem) };
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

/** Our code for a status that somebody below us chose. */
export function codeOfStatus(status: number | undefined): ErrorCode {
  if (status === undefined || status < 400 || status >= 500) return 'internal';
  return CODES[status] ?? 'bad_request';
}
