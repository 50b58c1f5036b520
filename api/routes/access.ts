import { Type } from '@sinclair/typebox';
import { Revocation, revocationKey, TokenId } from '../../engine/access/revocation.js';
import { Timestamp, UserName } from '../../engine/messages/fields.js';
import type { App, AppParts } from '../parts.js';
import { sendProblem } from '../problem.js';
import { BODY_PROBLEMS, Done, json, list, problems } from '../schemas.js';

const UserParams = Type.Object({ user: UserName });
const TokenParams = Type.Object({ token_id: TokenId });
const RevocationBody = Type.Object(
  {
    until: Type.Optional({
      ...Timestamp,
      description: 'when all these tokens have expired, and the revocation can be forgotten; left out: never',
    }),
  },
  { additionalProperties: false },
);
const Revocations = Type.Object({
  revocations: list(Revocation, { description: 'in the order of users and tokens' }),
});

/** Ending connections, and refusing tokens that have not expired. */
export function accessRoutes(app: App, { engine, clock }: AppParts): void {
  const { access } = engine;
  const service = { config: { access: 'service' as const } };
  const tags = ['access'];

  app.delete(
    '/api/users/:user/connections',
    {
      ...service,
      schema: {
        ...{ operationId: 'disconnectUser', tags },
        summary: 'End a user’s connections',
        description:
          'On every node that can be reached, with 4401. The user may come back: to prevent that, revoke the tokens.',
        params: UserParams,
        response: { 204: Done, ...problems() },
      },
    },
    (request, reply) => {
      engine.disconnect(request.params.user);
      return reply.code(204).send();
    },
  );

  app.get(
    '/api/revocations',
    {
      ...service,
      schema: {
        ...{ operationId: 'listRevocations', tags },
        summary: 'List what is revoked',
        response: { 200: json('All revocations that hold', Revocations), ...problems() },
      },
    },
    () => ({ revocations: access.revocations() }),
  );

  /** An empty body is one without fields. */
  const preValidation = (request: { body: unknown }, _reply: unknown, done: () => void): void => {
    request.body ??= {};
    done();
  };
  const revocationOf = (
    whom: Pick<Revocation, 'user' | 'token_id'>,
    until: string | undefined,
  ): Revocation => ({
    ...whom,
    revoked_at: new Date(clock.now()).toISOString(),
    ...(until === undefined ? {} : { until }),
  });
  const REVOKES = 'Its connections are closed with 4401, on all nodes.';

  app.put(
    '/api/revocations/users/:user',
    {
      ...service,
      preValidation,
      schema: {
        ...{ operationId: 'revokeUser', tags },
        summary: 'Revoke a user’s tokens',
        description: `Those that were issued until now, and those that do not say when. ${REVOKES}`,
        params: UserParams,
        body: RevocationBody,
        'x-body-optional': true,
        response: { 200: json('They are revoked', Revocation), ...problems(...BODY_PROBLEMS, 'unavailable') },
      },
    },
    async (request) => {
      const { user } = request.params;
      const revocation = revocationOf({ user }, request.body.until);
      await access.revoke(revocation);
      return revocation;
    },
  );

  app.put(
    '/api/revocations/tokens/:token_id',
    {
      ...service,
      preValidation,
      schema: {
        ...{ operationId: 'revokeToken', tags },
        summary: 'Revoke one token',
        description: `The token with this \`jti\`. ${REVOKES}`,
        params: TokenParams,
        body: RevocationBody,
        'x-body-optional': true,
        response: { 200: json('It is revoked', Revocation), ...problems(...BODY_PROBLEMS, 'unavailable') },
      },
    },
    async (request) => {
      const { token_id } = request.params;
      const revocation = revocationOf({ token_id }, request.body.until);
      await access.revoke(revocation);
      return revocation;
    },
  );

  app.delete(
    '/api/revocations/users/:user',
    {
      ...service,
      schema: {
        ...{ operationId: 'unrevokeUser', tags },
        summary: 'Take the revocation of a user’s tokens back',
        params: UserParams,
        response: { 204: Done, ...problems('not_found', 'unavailable') },
      },
    },
    async (request, reply) => {
      const was = await access.unrevoke(revocationKey(request.params));
      return was ? reply.code(204).send() : sendProblem(reply, 'not_found', NOT_REVOKED);
    },
  );

  app.delete(
    '/api/revocations/tokens/:token_id',
    {
      ...service,
      schema: {
        ...{ operationId: 'unrevokeToken', tags },
        summary: 'Take the revocation of a token back',
        params: TokenParams,
        response: { 204: Done, ...problems('not_found', 'unavailable') },
      },
    },
    async (request, reply) => {
      const was = await access.unrevoke(revocationKey(request.params));
      return was ? reply.code(204).send() : sendProblem(reply, 'not_found', NOT_REVOKED);
    },
  );
}

const NOT_REVOKED = 'there is no such revocation';
