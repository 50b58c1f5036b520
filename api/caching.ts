import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** A read shows the state of a moment: no cache may keep it, unless the route says otherwise (RFC 9111 section 5.2.2.5). */
export function forbidCaching({ method }: FastifyRequest, reply: FastifyReply): void {
  if (method === 'GET' || method === 'HEAD') void reply.header('cache-control', 'no-store');
}

/**
 * Answers with a value that never changes as long as it exists. Its id is its entity tag. Clients may cache it but must
 * revalidate it each time, because retention or a purge can remove it. A revalidation is answered with 304.
 */
export function sendUnchanging(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  id: string,
  value: object,
): FastifyReply {
  const etag = `"${id}"`;
  void reply.header('cache-control', 'private, no-cache').header('etag', etag);
  return isUnchanged(headers, etag) ? reply.code(304).send() : reply.send(value);
}

/** Whether If-None-Match has this tag, compared weakly (RFC 9110 section 13.1.2). */
export function isUnchanged({ 'if-none-match': condition }: IncomingHttpHeaders, etag: string): boolean {
  if (condition === undefined) return false;
  const tags = condition.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
