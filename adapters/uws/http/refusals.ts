import { STATUS_CODES } from 'node:http';
import { type HttpResponse } from 'uWebSockets.js';
import { ERRORS, type ErrorCode } from '../../../engine/errors.js';

type RefusalStatus = 400 | 408 | 413 | 417 | 500;

const CODES: Partial<Record<RefusalStatus, ErrorCode>> = {
  400: 'bad_request',
  413: 'payload_too_large',
  500: 'internal',
};

/**
 * Answers without the application and closes the connection: what follows on it cannot be trusted.
 *
 * The native response is used up. The text is a problem document (RFC 9457), like the application's own.
 */
export function refuse(
  native: HttpResponse,
  status: RefusalStatus,
  detail: string,
  requestId?: string,
): void {
  const code = CODES[status];
  const statusText = STATUS_CODES[status] ?? '';
  const problem = code
    ? { type: `urn:parlor:error:${code}`, title: ERRORS[code].title, status, detail, code }
    : { type: 'about:blank', title: statusText, status, detail };
  native.cork(() => {
    native.writeStatus(`${status} ${statusText}`);
    native.writeHeader('Content-Type', 'application/problem+json');
    if (requestId !== undefined) native.writeHeader('X-Request-Id', requestId);
    native.end(JSON.stringify(problem), true);
  });
}
