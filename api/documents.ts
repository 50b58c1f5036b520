import swaggerUi from '@fastify/swagger-ui';
import Fastify, { type FastifyInstance } from 'fastify';
import { checkAccess } from './access/rules.js';
import { apiRoutes } from './api-routes.js';
import { describeRoutes } from './openapi.js';
import type { AppParts } from './parts.js';
import { TYPEBOX } from './validation.js';

/**
 * An app that answers for the OpenAPI document and its page, and has the routes only to describe them. What Swagger needs, a
 * hundred files, is loaded with this one, when somebody first asks for the document (`routes/documents.ts`).
 */
export async function createDocuments(parts: AppParts): Promise<FastifyInstance> {
  const app = Fastify({
    schemaController: TYPEBOX,
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
  });
  checkAccess(app, parts.engine.access);
  await describeRoutes(app, parts.engine.access.isRequired);
  await app.register(swaggerUi, {
    routePrefix: '/api/openapi',
    logLevel: 'silent',
    theme: { title: 'Parlor' },
  });
  apiRoutes(app, parts);
  app.get('/api/openapi.json', { schema: { hide: true } }, () => app.swagger());
  await app.ready();
  return app;
}
