import { Type } from '@sinclair/typebox';
import type { App, AppParts } from '../parts.js';
import { asyncapi } from '../asyncapi.js';
import { sendProblem } from '../problem.js';
import { json, problems } from '../schemas.js';
import { WS_ROUTE } from '../websocket.js';

const Health = Type.Object({ status: Type.Literal('ok') });
const OK = { status: 'ok' } as const;

/** Health, metrics and the documents. They are for operators and machines, so requests are not logged. */
export function operationRoutes(app: App, { engine, metrics, takesWebSockets }: AppParts): void {
  const quiet = { logLevel: 'silent' as const };

  app.get(
    '/health',
    {
      ...quiet,
      schema: {
        operationId: 'getHealth',
        tags: ['operations'],
        summary: 'Is the process alive?',
        response: { 200: json('It is', Health), ...problems() },
      },
    },
    () => OK,
  );

  app.get(
    '/health/ready',
    {
      ...quiet,
      schema: {
        operationId: 'getReadiness',
        tags: ['operations'],
        summary: 'Can it accept posts now?',
        response: { 200: json('It can', Health), ...problems('unavailable') },
      },
    },
    async (_request, reply) => {
      const reason = engine.unready();
      return reason === null ? OK : sendProblem(reply, 'unavailable', reason);
    },
  );

  app.get(
    '/metrics',
    {
      ...quiet,
      schema: {
        operationId: 'getMetrics',
        tags: ['operations'],
        summary: 'Prometheus metrics',
        response: {
          200: {
            description: 'In Prometheus’s text format',
            content: { 'text/plain': { schema: Type.String() } },
          },
          ...problems(),
        },
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  );

  app.get('/api/openapi.json', { ...quiet, schema: { hide: true } }, () => app.swagger());
  app.get(
    '/api/asyncapi.json',
    {
      ...quiet,
      schema: {
        operationId: 'getAsyncApi',
        tags: ['documents'],
        summary: 'The WebSocket, as an AsyncAPI document',
        response: { 200: json('The document', Type.Object({})), ...problems() },
      },
    },
    () => asyncapi(),
  );
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/api/openapi'));
  // Otherwise the WebSocket adapter answers everything under this path.
  if (takesWebSockets) return;
  app.get(WS_ROUTE, { schema: { hide: true } }, (_request, reply) =>
    sendProblem(reply, 'unavailable', 'this node takes no WebSockets (ROLE=home): connect to another one'),
  );
}
