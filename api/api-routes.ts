import type { FastifyInstance } from 'fastify';
import type { AppParts } from './parts.js';
import { accessRoutes } from './routes/access.js';
import { eventRoutes } from './routes/events.js';
import { messageRoutes } from './routes/messages.js';
import { operationRoutes } from './routes/operations.js';
import { roomRoutes } from './routes/rooms.js';
import { streamRoutes } from './routes/stream.js';
import { NoQuery } from './schemas.js';

/** Adds the calls of the API, for an app that answers them, or for one that describes them. */
export function apiRoutes(app: FastifyInstance, parts: AppParts): void {
  app.addHook('onRoute', ({ url, schema }) => {
    if (schema && schema.hide !== true && url.startsWith('/api/')) schema.querystring ??= NoQuery;
  });
  for (const routes of [messageRoutes, roomRoutes, streamRoutes, eventRoutes, accessRoutes, operationRoutes])
    routes(app.withTypeProvider(), parts);
}
