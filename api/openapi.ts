import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { documented } from './formats.js';
import { addModels, withNames } from './models.js';
import { VERSION } from './version.js';

const DESCRIPTION = `A chat engine in which every room is an actor. The WebSocket is described in /api/asyncapi.json.

Errors are problem documents (RFC 9457) with a \`code\`. Every answer has an \`x-request-id\`: yours, if you sent one. Patterns
are regular expressions of ECMA-262 with the flag \`u\`.`;

/** Makes the app describe the routes that are added from now on, as an OpenAPI document. `isRequired`: callers need a token. */
export async function describeRoutes(app: FastifyInstance, isRequired: boolean): Promise<void> {
  addModels(app);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Parlor',
        version: VERSION,
        description: DESCRIPTION,
        license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'The server that this document was read from' }],
      // An empty requirement makes the others optional (OpenAPI 3.1, section 4.8.30).
      security: isRequired ? [{ token: [] }] : [{}, { token: [] }],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'with AUTH=jwt' },
        },
      },
      tags: [
        { name: 'messages', description: 'Post messages and read them' },
        { name: 'rooms', description: 'Open, change, read and close rooms, and remove members' },
        { name: 'events', description: 'The log of what has happened, with nothing left out' },
        { name: 'access', description: 'End connections, and revoke tokens' },
        { name: 'operations', description: 'For those who run the server' },
        { name: 'documents', description: 'What describes the interface' },
      ],
    },
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, i) => (typeof $id === 'string' ? $id : `def-${i}`),
    },
    transform: ({ schema, url }) => ({ schema: withNames(schema) as typeof schema, url }),
    transformObject: (made) =>
      finished(documented('openapiObject' in made ? made.openapiObject : made.swaggerObject)),
  });
}

declare module 'fastify' {
  interface FastifySchema {
    /** The call can be made without its body. */
    'x-body-optional'?: true;
  }
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly requestBody?: { required?: boolean };
  'x-body-optional'?: true;
}

/** The plugin marks every body as required. */
function finished(document: unknown): object {
  const { paths } = document as Document;
  for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
    if (operation['x-body-optional'] && operation.requestBody) operation.requestBody.required = false;
    delete operation['x-body-optional'];
  }
  return document as object;
}
