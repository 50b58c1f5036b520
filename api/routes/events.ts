import { Type } from '@sinclair/typebox';
import { may, rightFault, serviceFault } from '../../engine/access/grant.js';
import { RoomId, Uuid } from '../../engine/messages/fields.js';
import { idOf } from '../../engine/text/message-ids.js';
import { WHOLE_PATTERN, wholeOf } from '../../engine/text/numbers.js';
import { sendUnchanging } from '../caching.js';
import { addressOfRequest } from '../client-address.js';
import { MOST_WAIT_MS } from '../long-polls.js';
import type { App, AppParts } from '../parts.js';
import { sendProblem } from '../problem.js';
import { CURSOR_RULE, Event, EventPage, json, Limit, NotModified, problems } from '../schemas.js';

const EVENT_ID = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
const EventQuery = Type.Object(
  {
    room_id: Type.Optional(RoomId),
    after: Type.Optional(
      Type.String({
        pattern: `^(?:${WHOLE_PATTERN}|${EVENT_ID})$`,
        description:
          'a seq with room_id, a position without it; or the id of an event, 404 if that is not known (any more)',
      }),
    ),
    cursor: Type.Optional(
      Type.String({
        pattern: `^(?:${WHOLE_PATTERN})$`,
        description: `${CURSOR_RULE}; or \`cursor\` of an earlier page`,
      }),
    ),
    limit: Limit,
    wait: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MOST_WAIT_MS,
        description: 'with room_id and after or cursor: wait so long for an event if there is none, ms',
      }),
    ),
  },
  { additionalProperties: false },
);
const UNKNOWN =
  'after names an event that is no longer known, or is not in this room: start again without it, and continue with cursors, which stay valid';
const EventParams = Type.Object({ event_id: Uuid });

/** The seq of a cursor or of an event's id in a room; null: the room has no such event. */
async function seqOf(store: AppParts['store'], roomId: string, after: string): Promise<number | null> {
  const seq = wholeOf(after);
  if (seq !== null) return seq;
  const event = await store.findEvent(idOf(after));
  return event?.room_id === roomId ? event.seq : null;
}

/** The log of facts: of one room by seq, or of all rooms in the order they were stored. */
export function eventRoutes(app: App, { store, longPolls, addressOf }: AppParts): void {
  app.get(
    '/api/events',
    {
      config: { access: 'own' },
      schema: {
        operationId: 'listEvents',
        tags: ['events'],
        summary: 'Read the log of facts',
        description:
          'With `wait` it is a long poll: a page that would be empty is answered when an event of the room is stored, or when ' +
          'the time is over. Ask again with `cursor`: nothing falls between two calls.',
        querystring: EventQuery,
        response: { 200: json('A page', EventPage), ...problems('not_found', 'rate_limited', 'unavailable') },
      },
    },
    async (request, reply) => {
      const { room_id, limit = 50, wait: ms = 0 } = request.query;
      const { grant } = request;
      const fault = room_id === undefined ? serviceFault(grant) : rightFault(grant, 'read', room_id);
      if (fault !== null) return sendProblem(reply, fault.code, fault.message);
      const after = request.query.cursor ?? request.query.after;
      if (ms > 0 && (room_id === undefined || after === undefined))
        return sendProblem(reply, 'bad_request', 'wait goes with room_id, and with after or cursor');
      if (room_id === undefined) {
        const page = await store.log(after === undefined ? null : idOf(after), limit);
        if (page === null) return sendProblem(reply, 'not_found', UNKNOWN);
        return { events: page.events, next: page.more ? page.cursor : null, cursor: page.cursor };
      }
      const from = await seqOf(store, room_id, after ?? '0');
      if (from === null) return sendProblem(reply, 'not_found', UNKNOWN);
      const range = { room_id, after: from, limit: limit + 1 };
      const ready = await store.history({ ...range, messages_only: false });
      const events =
        ready.length > 0 || ms === 0
          ? ready
          : await longPolls.wait(
              { ...range, ms },
              {
                ip: addressOfRequest(request, addressOf),
                grant,
                onGone(call) {
                  if (reply.raw.destroyed) call();
                  else reply.raw.once('close', call);
                },
              },
            );
      if ('refusal' in events) {
        const { code, message, retry_after_ms: retryAfterMs } = events.refusal;
        return sendProblem(reply, code, message, { retryAfterMs });
      }
      const page = events.slice(0, limit);
      const cursor = String(page.at(-1)?.seq ?? from);
      return { events: page, next: events.length > limit ? cursor : null, cursor };
    },
  );

  app.get(
    '/api/events/:event_id',
    {
      config: { access: 'own' },
      schema: {
        operationId: 'getEvent',
        tags: ['events'],
        summary: 'Read one fact',
        params: EventParams,
        response: {
          200: json('The fact', Event),
          304: NotModified,
          ...problems('not_found', 'unavailable'),
        },
      },
    },
    async (request, reply) => {
      const event = await store.findEvent(request.params.event_id);
      // Who may not read the room does not learn that there is one.
      if (event === null || !may(request.grant, 'read', event.room_id))
        return sendProblem(reply, 'not_found', `there is no event ${request.params.event_id}`);
      return sendUnchanging(request, reply, event.event_id, event);
    },
  );
}
