import { Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StreamAnswer } from '../../adapters/sse/event-stream.js';
import type { FrameRefusal } from '../../adapters/sse/event-text.js';
import { GUEST_TOKEN_PATTERN } from '../../engine/guests.js';
import { readHello, type Hello } from '../../engine/hello.js';
import { UserName } from '../../engine/messages/fields.js';
import { WHOLE_PATTERN } from '../../engine/text/numbers.js';
import type { TurnedAway } from '../arrivals.js';
import { addressOfRequest } from '../client-address.js';
import type { App, AppParts } from '../parts.js';
import { sendProblem } from '../problem.js';
import { problems, RoomParams } from '../schemas.js';
import type { StreamDoor } from '../stream-door.js';
import { FULL, goneAgain, Visit } from '../websocket.js';

const Since = Type.String({
  pattern: `^(?:${WHOLE_PATTERN})$`,
  description: 'the seq of the last message that you have: what you missed comes first',
});
const StreamQuery = Type.Object(
  {
    user: Type.Optional(UserName),
    since: Type.Optional(Since),
    resume: Type.Optional(
      Type.String({
        pattern: GUEST_TOKEN_PATTERN,
        description: 'of a guest, the token from its welcome, to be the same guest again; not with user',
      }),
    ),
  },
  { additionalProperties: false },
);
const StreamHeaders = Type.Object({ 'last-event-id': Type.Optional(Since) });
const FRAMES = Type.String({
  description:
    'Each frame of the WebSocket is the data of one event, with its seq as id. The last event has the type `end` and says ' +
    'with which code a WebSocket would have been closed: {"code":4403,"reason":"forbidden"}.',
});

declare module 'fastify' {
  interface FastifyReply {
    /** The answer is a stream: it was counted when it began, and is logged as a connection. */
    isStream: boolean;
  }
}

/** A connection for those who cannot have a WebSocket: it takes a seat and gets the same frames. */
export function streamRoutes(app: App, parts: AppParts): void {
  const { streams, metrics } = parts;
  app.get(
    '/api/rooms/:room_id/stream',
    {
      // A HEAD would take a seat.
      exposeHeadRoute: false,
      config: { access: 'join' },
      schema: {
        operationId: 'streamRoom',
        tags: ['rooms'],
        summary: 'Join a room and hear it, as a stream of events',
        description:
          'For networks that block WebSockets: Server-Sent Events. It is a connection as a WebSocket is one: it takes a seat, ' +
          'and gives it back when it ends. Post with POST /api/rooms/{room_id}/messages.',
        params: RoomParams,
        querystring: StreamQuery,
        headers: StreamHeaders,
        response: {
          200: { description: 'The frames', content: { 'text/event-stream': { schema: FRAMES } } },
          ...problems('room_not_found', 'room_full', 'room_closed', 'rate_limited', 'unavailable'),
        },
      },
    },
    (request, reply) => {
      // Its client went while its token was being checked.
      if (reply.raw.destroyed) return;
      if (streams === null) {
        sendProblem(reply, 'unavailable', NO_STREAMS);
        return;
      }
      const ip = addressOfRequest(request, parts.addressOf);
      const turnAway = (turned: TurnedAway): void => {
        metrics.limited(turned.limit);
        sendProblem(reply, turned.code, turned.message, { retryAfterMs: turned.retry_after_ms });
      };
      const { arrivals } = streams;
      const tooSoon = arrivals.knock(ip);
      if (tooSoon !== null) return turnAway(tooSoon);
      if (streams.isFull()) {
        sendProblem(reply, 'unavailable', FULL);
        return;
      }
      const read = readHello({
        roomId: request.params.room_id,
        query: wishOf(request.query, request.headers['last-event-id']),
        requestId: request.id,
        grant: request.grant,
      });
      if ('refusal' in read) {
        sendProblem(reply, read.refusal.code, read.refusal.message);
        return;
      }
      const tooMany = arrivals.enter(ip);
      if (tooMany !== null) return turnAway(tooMany);
      const tooManyOfUser = parts.engine.access.isTrusted(request.grant)
        ? null
        : arrivals.seat(read.hello.user);
      if (tooManyOfUser !== null) {
        arrivals.left(ip);
        return turnAway(tooManyOfUser);
      }
      letIn({ request, reply, parts, door: streams, hello: read.hello, ip });
    },
  );
}

const NO_STREAMS = 'this node takes no connections (ROLE=home): connect to another one';

function wishOf(
  { user, since, resume }: { user?: string; since?: string; resume?: string },
  lastEventId: string | undefined,
): URLSearchParams {
  // A browser that comes back sends the header, and the address that it was given at first.
  const wish = { user, since: lastEventId ?? since, resume };
  return new URLSearchParams(
    Object.entries(wish).filter((field): field is [string, string] => field[1] !== undefined),
  );
}

/** Opens a connection whose socket is the answer to this request. */
function letIn(visit: {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly parts: AppParts;
  readonly door: StreamDoor;
  readonly hello: Hello;
  readonly ip: string;
}): void {
  const { request, reply, parts, door, hello, ip } = visit;
  const { engine } = parts;
  const stream = door.open(answerOf(request, reply, parts));
  reply.raw.on('close', () => stream.gone());
  reply.raw.on('drain', () => stream.drained());
  const places = { log: door.log, arrivals: door.arrivals, engine };
  const connection = engine.connect(stream, hello);
  if (connection === null) goneAgain(places, ip, hello);
  else stream.handler = new Visit(connection, hello, places, ip);
}

function answerOf(request: FastifyRequest, reply: FastifyReply, { metrics }: AppParts): StreamAnswer {
  const { raw } = reply;
  return {
    begin() {
      reply.isStream = true;
      reply.hijack();
      metrics.requestsTo(request.method, request.routeOptions.url ?? null)(200, reply.elapsedTime);
      raw.writeHead(200, {
        ...headersOf(reply),
        'content-type': 'text/event-stream',
        // nginx would keep the events back otherwise.
        'x-accel-buffering': 'no',
      });
    },
    refuse({ code, message, retry_after_ms: retryAfterMs }: FrameRefusal) {
      sendProblem(reply, code, message, { retryAfterMs });
      // The connection has counted it.
      reply.problemCode = null;
    },
    write: (text) => void raw.write(text),
    backlog: () => raw.writableLength,
    end: () => void raw.end(),
    destroy: () => void raw.destroy(),
  };
}

/** The headers that the hooks have set. */
function headersOf(reply: FastifyReply): Record<string, string | string[] | number> {
  const set = Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(set);
}
