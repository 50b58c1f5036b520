import type { FastifyInstance } from 'fastify';
import { fromUtf8 } from '../engine/text/utf8.js';

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i;
/** `utf8` is no name of it (RFC 3629 section 8), but many send it, and the WHATWG's decoder takes it as well. */
const UTF8: ReadonlySet<string> = new Set(['utf-8', 'utf8']);

/** A body that cannot be read, with the status that says so. */
class UnreadableBody extends Error {
  constructor(
    readonly statusCode: 400 | 415,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Makes JSON in UTF-8 what bodies are, and nothing else. Fastify's own parser would put U+FFFD in place of what is not
 * UTF-8, and read a body in another charset as if it were UTF-8.
 */
export function useJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const charset = CHARSET.exec(request.headers['content-type'] ?? '')?.[1];
    if (charset !== undefined && !UTF8.has(charset.toLowerCase())) {
      done(new UnreadableBody(415, `JSON is sent in UTF-8, not in ${charset}`));
      return;
    }
    const text = fromUtf8(body);
    // Many clients say JSON also when they send nothing. Whether something is missing is up to the route.
    if (text === '') done(null, undefined);
    else if (text === null) done(new UnreadableBody(400, 'the body is not UTF-8'));
    else void parse(request, text, done);
  });
}
