import { Type } from '@sinclair/typebox';
import { may } from '../../engine/access/grant.js';
import { toMessage } from '../../engine/messages/message.js';
import type { MessagePosted } from '../../engine/messages/events.js';
import { Seq } from '../../engine/messages/fields.js';
import { sendUnchanging } from '../caching.js';
import { carryOut } from '../carry-out.js';
import type { App, AppParts } from '../parts.js';
import { POST_PATH, postCommand, postFault } from '../post-command.js';
import { postAnswer } from '../post-answer.js';
import { sendProblem } from '../problem.js';
import { sendWritten } from '../written-answer.js';
import {
  BODY_PROBLEMS,
  CURSOR_RULE,
  IdParams,
  json,
  Limit,
  Message,
  MessagePage,
  NotModified,
  PostBody,
  PostHeaders,
  problems,
  Queued,
  RoomParams,
} from '../schemas.js';

const HistoryQuery = Type.Object(
  {
    after: Type.Optional(
      Type.Integer({ ...Seq, description: 'only messages with a greater seq, ascending' }),
    ),
    before: Type.Optional(Type.Integer({ ...Seq, description: 'only messages with a smaller seq' })),
    cursor: Type.Optional(Type.Integer({ ...Seq, description: CURSOR_RULE })),
    limit: Limit,
  },
  { additionalProperties: false },
);
/** Posting into a room and reading what was posted. */
export function messageRoutes(app: App, { engine, store }: AppParts): void {
  app.post(
    POST_PATH,
    {
      config: { access: 'post' },
      schema: {
        operationId: 'postMessage',
        tags: ['messages'],
        summary: 'Post a message',
        description:
          'Give `id` (a UUID), or the header Idempotency-Key, and a repeated post is one message. If both are given they ' +
          'must be the same. 201: ordered and stored. 202: durably queued, not ordered yet. 503: not accepted, try again.',
        params: RoomParams,
        headers: PostHeaders,
        body: PostBody,
        response: {
          201: json('The message, ordered and stored', Message),
          202: json('Durably queued, not ordered yet', Queued),
          ...problems(
            ...BODY_PROBLEMS,
            'forbidden',
            'room_not_found',
            'id_conflict',
            'room_closed',
            'rate_limited',
            'unavailable',
          ),
        },
      },
    },
    async (request, reply) => {
      const { room_id } = request.params;
      const { grant, body, headers } = request;
      const key = headers['idempotency-key'];
      const fault = postFault(grant, body, key);
      if (fault !== null) return sendProblem(reply, fault.code, fault.message);
      const sent = headers['x-request-id']?.toString();
      const command = postCommand(grant, room_id, body, key, { id: request.id, sent });
      const answer = await carryOut(engine, request, command);
      return sendWritten(reply, postAnswer(answer, command, request.id));
    },
  );

  app.get(
    '/api/rooms/:room_id/messages',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listMessages',
        tags: ['messages'],
        summary: 'Read a room’s messages',
        description: 'The newest page first; with `after`, what came after that seq.',
        params: RoomParams,
        querystring: HistoryQuery,
        response: { 200: json('A page', MessagePage), ...problems('room_not_found', 'unavailable') },
      },
    },
    async (request, reply) => {
      const { room_id } = request.params;
      const { limit = 50, cursor } = request.query;
      const isForward = request.query.after !== undefined;
      // The cursor replaces the bound in the direction of paging.
      const after = isForward ? (cursor ?? request.query.after) : undefined;
      const before = isForward ? request.query.before : (cursor ?? request.query.before);
      const range = {
        ...(after === undefined ? {} : { after }),
        ...(before === undefined ? {} : { before }),
      };
      const events = await store.history({ room_id, ...range, limit: limit + 1, messages_only: true });
      // Asked only now, as most pages have messages.
      if (events.length === 0 && (await store.load(room_id)) === null) {
        return sendProblem(reply, 'room_not_found', `nobody has been in room ${room_id} yet`);
      }
      const page = events.slice(0, limit) as MessagePosted[];
      const last = page.at(-1)?.seq;
      const next = events.length > limit && last !== undefined ? last : null;
      if (after === undefined) page.reverse();
      return { messages: page.map(toMessage), next };
    },
  );

  app.get(
    '/api/messages/:id',
    {
      config: { access: 'own' },
      schema: {
        operationId: 'getMessage',
        tags: ['messages'],
        summary: 'Read one message',
        params: IdParams,
        response: {
          200: json('The message', Message),
          304: NotModified,
          ...problems('not_found', 'unavailable'),
        },
      },
    },
    async (request, reply) => {
      const found = await store.findEvent(request.params.id);
      // Who may not read the room does not learn that there is one.
      if (found?.type !== 'message_posted' || !may(request.grant, 'read', found.room_id))
        return sendProblem(reply, 'not_found', `there is no message ${request.params.id}`);
      return sendUnchanging(request, reply, found.event_id, toMessage(found));
    },
  );
}
