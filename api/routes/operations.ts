import { Type } from '@sinclair/typebox';
import type { App, AppParts } from '../parts.js';
import { asyncapi } from '../asyncapi.js';
import { sendProblem } from '../problem.js';
import { json, problems } from '../schemas.js';
import { WS_PATTERNS } from '../websocket.js';

const Health = Type.Object({ status: Type.Literal('ok') });
const OK = { status: 'ok' } as const;
const NOT_READY = 'not ready; the log says why, and so does this call with a token of a service';

/** Health, metrics and the documents. They are for operators and machines, so requests are not logged. */
export function operationRoutes(app: App, { engine, metrics, streams }: AppParts): void {
  const quiet = { logLevel: 'silent' as const };
  const open = { config: { access: 'public' as const } };

  app.get(
    '/health',
    {
      ...quiet,
      ...open,
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
      ...open,
      schema: {
        operationId: 'getReadiness',
        tags: ['operations'],
        summary: 'Can it accept posts now?',
        response: { 200: json('It can', Health), ...problems('unavailable') },
      },
    },
    async (request, reply) => {
      const reason = engine.unready();
      if (reason === null) return OK;
      // It may name hosts, which is for operators.
      return sendProblem(reply, 'unavailable', request.grant.isService ? reason : NOT_READY);
    },
  );

  app.get(
    '/metrics',
    {
      ...quiet,
      config: { access: 'service' },
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

  app.get(
    '/api/asyncapi.json',
    {
      ...quiet,
      ...open,
      schema: {
        operationId: 'getAsyncApi',
        tags: ['documents'],
        summary: 'The WebSocket, as an AsyncAPI document',
        response: { 200: json('The document', Type.Object({})), ...problems() },
      },
    },
    () => asyncapi(),
  );
  // Otherwise the WebSocket adapter answers everything under this path.
  if (streams !== null) return;
  for (const pattern of WS_PATTERNS)
    app.get(pattern, { schema: { hide: true } }, (_request, reply) =>
      sendProblem(reply, 'unavailable', 'this node takes no WebSockets (ROLE=home): connect to another one'),
    );
}
