/** An error like those of node:http: plugins and Fastify look at `code`. */
export function errorWithCode(
  kind: new (message: string) => Error,
  code: string,
  message: string,
): Error & { code: string } {
  return Object.assign(new kind(message), { code });
}

export const headersSent = (what: string): Error =>
  errorWithCode(Error, 'ERR_HTTP_HEADERS_SENT', `Cannot ${what} headers after they are sent to the client`);

export const writeAfterEnd = (): Error =>
  errorWithCode(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end');

export const alreadyFinished = (): Error =>
  errorWithCode(Error, 'ERR_STREAM_ALREADY_FINISHED', 'Cannot call end after a stream was finished');

export const streamDestroyed = (): Error =>
  errorWithCode(Error, 'ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed');

/** The client left before its body was complete or its answer was sent. */
export const clientGone = (): Error => errorWithCode(Error, 'ECONNRESET', 'aborted');

/** For a body that is refused while it arrives. Fastify answers with `statusCode`. */
export function uploadRefused(statusCode: 400 | 408 | 413, message: string): Error {
  return Object.assign(new Error(message), { code: UPLOAD_CODES[statusCode], statusCode });
}

const UPLOAD_CODES = { 400: 'ERR_BODY_UNREADABLE', 408: 'ERR_BODY_TIMEOUT', 413: 'ERR_BODY_TOO_LARGE' };
