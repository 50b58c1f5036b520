import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AppParts } from '../parts.js';
import { sendProblem } from '../problem.js';
import { codeOfStatus } from '../refusals.js';

/** Every address of the OpenAPI document and of its page, as @fastify/swagger-ui has them. */
const PATHS = [
  '/api/openapi.json',
  '/api/openapi',
  '/api/openapi/json',
  '/api/openapi/yaml',
  '/api/openapi/static/*',
] as const;

/** Headers of an answer that belong to this one way of passing it on. */
const OF_THE_WAY = new Set(['connection', 'keep-alive', 'date', 'transfer-encoding']);

/** Answers a request for what is not there. */
export type NothingHere = (request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/** The OpenAPI document and its page. The app that answers (`documents.ts`) is made when somebody first asks. */
export function documentRoutes(app: FastifyInstance, parts: AppParts, nothingHere: NothingHere): void {
  let made: Promise<FastifyInstance> | null = null;
  const documents = (): Promise<FastifyInstance> =>
    (made ??= import('../documents.js')
      .then(({ createDocuments }) => createDocuments(parts))
      .catch((cause: unknown) => {
        made = null; // The next request tries again.
        throw cause;
      }));
  app.addHook('onClose', async () => {
    await (await made)?.close();
  });

  for (const url of PATHS)
    app.get(url, { logLevel: 'silent', schema: { hide: true } }, async (request, reply) => {
      const { method, url, headers } = request;
      const answer = await (await documents()).inject({ method: method as 'GET' | 'HEAD', url, headers });
      const { statusCode: status } = answer;
      if (status === 404) return nothingHere(request, reply);
      if (status >= 400)
        return sendProblem(reply, codeOfStatus(status), `the document was answered with ${status}`);
      for (const [name, value] of Object.entries(answer.headers))
        if (value !== undefined && !OF_THE_WAY.has(name)) void reply.header(name, value);
      return reply.code(status).send(answer.rawPayload);
    });
}
