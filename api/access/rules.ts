import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Access } from '../../engine/access/access.js';
import {
  ANYBODY,
  NOBODY,
  rightFault,
  serviceFault,
  type Grant,
  type Right,
} from '../../engine/access/grant.js';
import { sendProblem } from '../problem.js';
import { problemsOnly } from '../schemas.js';
import { findToken, splitAddress } from './token.js';

/**
 * Who may call a route: `public`: everybody; `service`: services; `own`: everybody with a token, and the route decides by
 * what it finds; a right: who has it in the room that the path names.
 */
export type RouteAccess = 'public' | 'service' | 'own' | Right;

const UNAUTHORIZED = problemsOnly('unauthorized');
const GRANT = Symbol('grant');

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: RouteAccess;
  }
  interface FastifyRequest {
    /** What the caller may do. */
    grant: Grant;
    [GRANT]?: Grant;
  }
}

/** The token of a request's query. It is taken out of the address before anything else sees that, also the log. */
const queryTokens = new WeakMap<object, string>();

/** For Fastify's `rewriteUrl`: the address without its token. */
export function takeToken(raw: { readonly url?: string | undefined }): string {
  const { rest, token } = splitAddress(raw.url ?? '/');
  if (token !== null) queryTokens.set(raw, token);
  return rest;
}

/** Makes the app check who calls: every route has to say in its `config` who may. */
export function checkAccess(app: FastifyInstance, access: Access): void {
  const initially = access.isRequired ? NOBODY : ANYBODY;
  app.decorateRequest('grant', {
    getter() {
      return this[GRANT] ?? initially;
    },
    setter(grant: Grant) {
      this[GRANT] = grant;
    },
  });
  app.addHook('onRoute', ({ url, config, schema }) => {
    const isDocument = schema?.hide === true;
    if (!isDocument && config?.access === undefined && url !== '*')
      throw new Error(`the route ${url} does not say who may call it`);
    if (!schema || isDocument) return;
    // For the document.
    if (config?.access === 'public') schema.security = [];
    else schema.response = { ...(schema.response as object), ...UNAUTHORIZED };
  });
  if (!access.isRequired) return;

  app.addHook('onRequest', (request, reply, done) => {
    const asked = request.routeOptions.config.access;
    const found = findToken({
      authorization: request.headers.authorization,
      query: queryTokens.get(request.raw) ?? null,
    });
    const isOpen = asked === undefined || asked === 'public';
    if ('fault' in found) {
      if (isOpen) done();
      else sendProblem(reply, 'bad_request', found.fault);
      return;
    }
    if (isOpen && found.token === null) return done();
    const known = found.token === null ? null : access.known(found.token);
    if (known !== null) {
      request.grant = known;
      return done();
    }
    void access.identify(found.token).then((grant) => {
      if (!('code' in grant)) request.grant = grant;
      else if (!isOpen) {
        if (grant.code === 'unauthorized') challenge(reply, found.token);
        sendProblem(reply, grant.code, grant.message);
        return;
      }
      done();
    });
  });
  // Once the path is known to be well formed.
  app.addHook('preHandler', (request, reply, done) => {
    const fault = faultOf(request);
    if (fault === null) return done();
    sendProblem(reply, fault.code, fault.message);
  });
}

/** RFC 6750 section 3: without a token only the scheme is named. */
function challenge(reply: FastifyReply, token: string | null): void {
  void reply.header('www-authenticate', token === null ? 'Bearer' : 'Bearer error="invalid_token"');
}

function faultOf({ grant, params, routeOptions }: FastifyRequest) {
  const asked = routeOptions.config.access ?? 'public';
  switch (asked) {
    case 'public':
    case 'own':
      return null;
    case 'service':
      return serviceFault(grant);
    default:
      return rightFault(grant, asked, (params as { readonly room_id: string }).room_id);
  }
}
