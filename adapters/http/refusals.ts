import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http';
import { type HttpResponse } from 'uWebSockets.js';
import { type RefusalStatus } from './request-head.js';
import { statusLine } from './response-head.js';

/** A request that the bridge refuses by itself: before the application sees it, or in its place. */
export interface Refused {
  readonly status: RefusalStatus;
  /** What the sender can do about it. */
  readonly detail: string;
  readonly method: string;
  /** As sent, but that a byte no URL contains is a question mark. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Since the head of the request came, ms. */
  readonly ms: number;
  /** What the application was given as its raw request; null: it has seen nothing of it. */
  readonly raw: object | null;
}

export interface RefusalAnswer {
  /** Name, value, name, value … */
  readonly headers: readonly string[];
  readonly body: string;
}

/** Makes the answer to a refused request; whoever counts and logs requests does so here. */
export type Refuse = (refused: Refused) => RefusalAnswer;

/**
 * Answers without the application and closes the connection: what follows on it cannot be trusted.
 *
 * The native response is used up.
 */
export function refuse(native: HttpResponse, status: RefusalStatus, answer: RefusalAnswer): void {
  const { headers, body } = answer;
  native.cork(() => {
    native.writeStatus(statusLine(status));
    for (let at = 0; at < headers.length; at += 2)
      native.writeHeader(headers[at] ?? '', headers[at + 1] ?? '');
    native.end(body, true);
  });
}

/** A problem document (RFC 9457) and nothing else. */
export function plainRefusal({ status, detail }: Refused): RefusalAnswer {
  const problem = { type: 'about:blank', title: STATUS_CODES[status] ?? '', status, detail };
  return { headers: ['Content-Type', 'application/problem+json'], body: JSON.stringify(problem) };
}
