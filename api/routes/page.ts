import type { FastifyReply, FastifyRequest } from 'fastify';
import { isUnchanged } from '../caching.js';
import type { PageFile } from '../page-files.js';
import type { App, AppParts } from '../parts.js';
import { sendProblem } from '../problem.js';

/**
 * What the page may do in a browser: run its one script, use its one style, and talk to this server; nothing else. No string
 * can become markup or a script either (Trusted Types, where browsers have them).
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // The icon.
  'img-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** The chat page at `/`; without one, `/` leads to the description of the API. */
export function pageRoutes(app: App, { page }: Pick<AppParts, 'page'>): void {
  if (page === null) {
    app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/api/openapi'));
    return;
  }
  const { index, assets } = page;
  app.get('/', { schema: { hide: true } }, (request, reply) => {
    // The address stays when the page changes, so it is asked for each time.
    void reply.header('cache-control', 'no-cache').header('content-security-policy', POLICY);
    return sendFile(request, reply, index);
  });
  app.get<{ Params: { file: string } }>('/assets/:file', { schema: { hide: true } }, (request, reply) => {
    const asset = assets.get(request.params.file);
    if (!asset) return sendProblem(reply, 'not_found', 'the page has no such file; load it again');
    void reply.header('cache-control', 'public, max-age=31536000, immutable');
    return sendFile(request, reply, asset);
  });
}

function sendFile({ headers }: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply {
  void reply.header('etag', file.etag).header('vary', 'accept-encoding').type(file.type);
  if (isUnchanged(headers, file.etag)) return reply.code(304).send();
  if (!/\bgzip\b/.test(headers['accept-encoding'] ?? '')) return reply.send(file.body);
  return reply.header('content-encoding', 'gzip').send(file.gzipped);
}
