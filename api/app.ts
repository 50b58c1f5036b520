import helmet from '@fastify/helmet';
import cors, { type FastifyCorsOptions } from '@fastify/cors';
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerFactory,
} from 'fastify';
import { errorText } from '../engine/errors.js';
import { requestIdOf } from '../engine/hello.js';
import { addressFault } from '../engine/text/address.js';
import { useJson } from './json-body.js';
import { tenths } from './logging.js';
import type { AppParts } from './parts.js';
import { forbidCaching } from './caching.js';
import { addressOfRequest, type ClientAddress } from './client-address.js';
import { checkAccess } from './access/rules.js';
import { takeToken } from './access/rules.js';
import { allowedMethods } from './allowed-methods.js';
import { apiRoutes } from './api-routes.js';
import { SEE_LOG, sendProblem } from './problem.js';
import { TooManyReads } from './read-door.js';
import { StoreFailed } from './reads.js';
import { codeOfStatus, type Refusals } from './refusals.js';
import { documentRoutes, type NothingHere } from './routes/documents.js';
import { pageRoutes } from './routes/page.js';
import { TYPEBOX, ValidationError } from './validation.js';
import { WS_MANY, WS_PREFIX } from './websocket.js';

export interface AppOptions {
  readonly log: FastifyBaseLogger;
  readonly maxBodyBytes: number;
  readonly refusals?: Refusals;
  readonly serverFactory?: FastifyServerFactory;
}

/** The Fastify app with all its routes, ready for a server. */
export async function createApp(parts: AppParts, options: AppOptions): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: options.log,
    schemaController: TYPEBOX,
    // We log one line per request ourselves, below.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit: options.maxBodyBytes,
    genReqId: (request) => requestIdOf(String(request.headers['x-request-id'] ?? '')),
    // The log, and all that quotes the address, must not see the token.
    rewriteUrl: takeToken,
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
    // Fastify's own 503 has no Retry-After; the engine's has one.
    return503OnClosing: false,
    // A URL that cannot be decoded does not reach the hooks below.
    frameworkErrors(error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
      sendProblem(reply.header('x-request-id', request.id), 'bad_request', error.message);
      parts.metrics.refused('bad_request');
      parts.metrics.requestsTo(request.method, null)(reply.statusCode, reply.elapsedTime);
      logRequest(request, reply, parts.addressOf);
    },
    ...(options.serverFactory ? { serverFactory: options.serverFactory } : {}),
  });
  useJson(app);
  app.decorateReply('problemCode', null);
  app.decorateReply('isStream', false);
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    forbidCaching(request, reply);
    const { origin = '', host = '' } = request.headers;
    // For the warning, if it is not believed.
    if (request.headers['x-forwarded-for'] !== undefined) addressOfRequest(request, parts.addressOf);
    const foreign = parts.guard.refusal(origin, host);
    if (foreign !== null) {
      sendProblem(reply, 'forbidden', foreign);
      return;
    }
    // The router has checked the path already.
    const at = request.url.indexOf('?');
    const fault = at < 0 ? null : addressFault(request.url.slice(at + 1));
    if (fault === null) done();
    else sendProblem(reply, 'bad_request', `the query ${fault}`);
  });
  checkAccess(app, parts.engine.access);
  if (parts.guard.cors !== null) await app.register(cors, corsOptions(parts.guard.cors));
  app.addHook('onResponse', (request, reply, done) => {
    if (reply.isStream) return done();
    const route = request.is404 ? null : (request.routeOptions.url ?? null);
    parts.metrics.requestsTo(request.method, route)(reply.statusCode, reply.elapsedTime);
    if (options.refusals?.has(request.raw)) return done();
    if (reply.problemCode !== null) parts.metrics.refused(reply.problemCode);
    logRequest(request, reply, parts.addressOf);
    done();
  });
  function nothingHere(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const path = request.url.split('?')[0] ?? '';
    const methods = allowed(path);
    if (methods.length === 0)
      return sendProblem(reply, 'not_found', `there is no ${request.method} ${path}; see /api/openapi`);
    // RFC 9110 section 15.5.6: the answer names them.
    void reply.header('allow', methods.join(', '));
    return sendProblem(reply, 'method_not_allowed', `${path} has ${methods.join(', ')}; see /api/openapi`);
  }
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error instanceof ValidationError)
      return sendProblem(reply, 'bad_request', error.message, { errors: error.faults });
    if (error instanceof TooManyReads) return sendProblem(reply, 'unavailable', error.message);
    if (error instanceof StoreFailed) {
      request.log.error({ cause: error.message }, 'request: the store did not answer');
      return sendProblem(reply, 'unavailable', 'the store does not answer; try again in a moment');
    }
    const code = codeOfStatus(error.statusCode);
    // Fastify reads the body first, and wants one of a QUERY. That the address has no such method is the better answer.
    if (code === 'bad_request' && request.is404) return nothingHere(request, reply);
    if (code === 'internal')
      request.log.error({ cause: errorText(error), stack: error.stack }, 'request: failed');
    return sendProblem(reply, code, code === 'internal' ? SEE_LOG : error.message);
  });
  const allowed = allowedMethods(app, [WS_MANY, `${WS_PREFIX}:room_id`]);
  app.setNotFoundHandler(nothingHere);
  await app.register((inner) => pages(inner, parts, nothingHere));
  apiRoutes(app, parts);
  await app.ready();
  return app;
}

/** What a browser shows, with the headers that bound what it may do there. */
async function pages(app: FastifyInstance, parts: AppParts, nothingHere: NothingHere): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      directives: {
        defaultSrc: ["'self'"],
        // Swagger's page has styles and pictures in it.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        frameAncestors: ["'none'"],
        // The server may be reached without TLS.
        upgradeInsecureRequests: null,
      },
    },
    // Whoever terminates TLS decides on that.
    strictTransportSecurity: false,
    xPoweredBy: false,
  });
  documentRoutes(app, parts, nothingHere);
  pageRoutes(app.withTypeProvider(), parts);
}

/** Pages of these origins may do what services may. No credentials: a token is no cookie. */
function corsOptions(origins: readonly string[] | '*'): FastifyCorsOptions {
  return {
    // A list, even of one origin: answers then name the origin that asked, and have `Vary`.
    origin: origins === '*' ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'last-event-id', 'x-request-id'],
    exposedHeaders: ['location', 'retry-after', 'www-authenticate', 'x-request-id'],
    maxAge: PREFLIGHT_S,
    // Otherwise the plugin answers an OPTIONS that is not a preflight with 400.
    strictPreflight: false,
  };
}

/** How long a browser may cache a preflight, s: Chrome's maximum. */
const PREFLIGHT_S = 7_200;

/** Whose request was refused has to be known; with an address in each line a log would be one of persons. */
const REFUSED = 400;

function logRequest(request: FastifyRequest, reply: FastifyReply, addressOf: ClientAddress): void {
  const { method, url } = request;
  const { statusCode: status } = reply;
  const ip = status < REFUSED ? {} : { ip: addressOfRequest(request, addressOf) };
  request.log.info({ method, url, status, ms: tenths(reply.elapsedTime), ...ip }, 'request');
}
