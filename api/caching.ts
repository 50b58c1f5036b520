import type { FastifyReply, FastifyRequest } from 'fastify';

/** What is read is the state of a moment, which no cache may keep, unless the route says otherwise (RFC 9111 section 5.2.2.5). */
export function forbidCaching({ method }: FastifyRequest, reply: FastifyReply): void {
  if (method === 'GET' || method === 'HEAD') void reply.header('cache-control', 'no-store');
}

/**
 * Answers with what never changes while it is there: its id is its entity tag. A client may keep it but has to ask each time,
 * because retention or a purge can forget it. Such a request is answered 304 without a body.
 */
export function sendUnchanging(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  id: string,
  value: object,
): FastifyReply {
  const etag = `"${id}"`;
  void reply.header('cache-control', 'private, no-cache').header('etag', etag);
  return names(headers['if-none-match'], etag) ? reply.code(304).send() : reply.send(value);
}

/** Whether If-None-Match names a tag; weak tags count here (RFC 9110 section 13.1.2). */
function names(condition: string | undefined, etag: string): boolean {
  if (condition === undefined) return false;
  const tags = condition.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
