import type { FastifyInstance } from 'fastify';
import { fromUtf8 } from '../engine/text/utf8.js';

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i;
/** `utf8` is not a registered name (RFC 3629 section 8), but many clients send it, and WHATWG decoders accept it. */
const UTF8: ReadonlySet<string> = new Set(['utf-8', 'utf8']);

/** A body that cannot be read, with the status of the answer. */
class UnreadableBody extends Error {
  constructor(
    readonly statusCode: 400 | 415,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Accepts bodies of JSON in UTF-8 and no others. Fastify's own parser would replace invalid UTF-8 with U+FFFD, and
 * read a body in another charset as if it were UTF-8.
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
    // Many clients send this content type without a body. The route decides whether it needs one.
    if (text === '') done(null, undefined);
    else if (text === null) done(new UnreadableBody(400, 'the body is not UTF-8'));
    else void parse(request, text, done);
  });
}
