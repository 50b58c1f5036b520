import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { isUuid } from '../../engine/ids.js';
import { RoomId, Uuid } from '../../engine/messages/fields.js';
import { idOf } from '../../engine/text/message-ids.js';
import { wholeOf } from '../../engine/text/numbers.js';
import type { AppParts } from '../parts.js';
import { sendProblem } from '../problem.js';
import { Event, Limit, problems } from '../schemas.js';

const EventQuery = Type.Object({
  room_id: Type.Optional(RoomId),
  after: Type.Optional(
    Type.String({ description: 'a cursor; or with room_id a seq, and without it an event id' }),
  ),
  limit: Limit,
});
const Events = Type.Object({
  events: Type.Array(Event),
  next: Type.Union([Type.String(), Type.Null()], {
    description:
      'the next page’s after; null: there is none. A page may be short, even empty, and not be the last',
  }),
  cursor: Type.Union([Type.String(), Type.Null()], {
    description: 'the after to go on with later, when there is more; stays good when events are forgotten',
  }),
});
const EventParams = Type.Object({ event_id: Uuid });

/** The log of facts: of one room by seq, or of all rooms in the order they were stored. */
export function eventRoutes(app: FastifyInstance, { store }: AppParts): void {
  app.get<{ Querystring: Static<typeof EventQuery> }>(
    '/api/events',
    {
      schema: {
        tags: ['events'],
        summary: 'Read the log of facts',
        querystring: EventQuery,
        response: { 200: Events, ...problems('bad_request', 'unavailable') },
      },
    },
    async (request, reply) => {
      const { room_id, after, limit = 50 } = request.query;
      if (room_id === undefined) {
        if (after !== undefined && !isUuid(after) && wholeOf(after) === null)
          return sendProblem(reply, 'bad_request', 'after must be a cursor or an event id');
        const page = await store.log(after === undefined ? null : idOf(after), limit);
        if (page === null) {
          return sendProblem(
            reply,
            'bad_request',
            'after is an event that is no longer known: begin again without it, and go on with cursors, which stay good',
          );
        }
        return { events: page.events, next: page.more ? page.cursor : null, cursor: page.cursor };
      }
      const from = after ?? '0';
      const seq = wholeOf(from);
      if (seq === null) return sendProblem(reply, 'bad_request', 'with room_id, after must be a seq');
      const events = await store.history({
        room_id,
        after: seq,
        limit: limit + 1,
        messages_only: false,
      });
      const page = events.slice(0, limit);
      const cursor = String(page.at(-1)?.seq ?? from);
      return { events: page, next: events.length > limit ? cursor : null, cursor };
    },
  );

  app.get<{ Params: Static<typeof EventParams> }>(
    '/api/events/:event_id',
    {
      schema: {
        tags: ['events'],
        summary: 'Read one fact',
        params: EventParams,
        response: { 200: Event, ...problems('bad_request', 'not_found', 'unavailable') },
      },
    },
    async (request, reply) => {
      const event = await store.findEvent(request.params.event_id);
      return event ?? sendProblem(reply, 'not_found', `there is no event ${request.params.event_id}`);
    },
  );
}
