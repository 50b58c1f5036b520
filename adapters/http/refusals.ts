import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http';
import { type HttpResponse } from 'uWebSockets.js';
import { type RefusalStatus } from './request-head.js';
import { statusLine } from './response-head.js';
import { asUtf8 } from './utf8.js';

/** A request that the bridge refuses: before the application sees it, or in the application's place. */
export interface Refused {
  readonly status: RefusalStatus;
  /** Why, in words that tell the sender what to change. */
  readonly detail: string;
  readonly method: string;
  /** As sent, except that a byte no URL contains is a question mark. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** The address of the socket's other end, as node:net writes it. */
  readonly peer: string;
  /** From the arrival of the request's head until now, ms. */
  readonly ms: number;
  /** The application's `request.raw`; null if the application has not seen the request. */
  readonly raw: object | null;
}

export interface RefusalAnswer {
  /** Name, value, name, value … */
  readonly headers: readonly string[];
  readonly body: string;
}

/** Makes the answer to a refused request. It is called once for each, so it can count and log them. */
export type Refuse = (refused: Refused) => RefusalAnswer;

/** Sends the answer and closes the connection, since what follows on it cannot be trusted. Uses up the native response. */
export function refuse(native: HttpResponse, status: RefusalStatus, answer: RefusalAnswer): void {
  const { headers, body } = answer;
  native.cork(() => {
    native.writeStatus(statusLine(status));
    for (let at = 0; at < headers.length; at += 2)
      native.writeHeader(headers[at] ?? '', headers[at + 1] ?? '');
    native.end(asUtf8(body), true);
  });
}

/** The default: a problem document (RFC 9457). */
export function plainRefusal({ status, detail }: Refused): RefusalAnswer {
  const problem = { type: 'about:blank', title: STATUS_CODES[status] ?? '', status, detail };
  return { headers: ['Content-Type', 'application/problem+json'], body: JSON.stringify(problem) };
}
