import { Type } from '@sinclair/typebox';
import { PolicyChange } from '../../engine/messages/policy.js';
import { impossible, isUnfinished, sendUnfinished } from '../answers.js';
import { carryOut } from '../carry-out.js';
import type { App, AppParts } from '../parts.js';
import { sendProblem } from '../problem.js';
import {
  BODY_PROBLEMS,
  Done,
  json,
  Limit,
  MemberParams,
  problems,
  Queued,
  Room,
  RoomCursor,
  RoomPage,
  RoomParams,
} from '../schemas.js';

const ListQuery = Type.Object(
  { cursor: Type.Optional(RoomCursor), limit: Limit },
  { additionalProperties: false },
);
const CloseQuery = Type.Object(
  { purge: Type.Optional(Type.Boolean({ default: false, description: 'also forget its history' })) },
  { additionalProperties: false },
);

/** Opening, changing, reading and closing rooms. */
export function roomRoutes(app: App, { engine, store, presetOf }: AppParts): void {
  app.get(
    '/api/rooms',
    {
      config: { access: 'service' },
      schema: {
        operationId: 'listRooms',
        tags: ['rooms'],
        summary: 'List rooms by id',
        querystring: ListQuery,
        response: { 200: json('A page', RoomPage), ...problems('unavailable') },
      },
    },
    async (request) => {
      const { cursor, limit = 50 } = request.query;
      const records = await store.rooms(cursor ?? null, limit + 1);
      const page = records.slice(0, limit);
      return {
        rooms: page.map(({ room_id, status, policy, head_seq, created_at }) => ({
          room_id,
          status: status === 'open' ? ('open' as const) : ('closed' as const),
          policy: policy ?? presetOf(room_id),
          head_seq,
          created_at,
        })),
        next: records.length > limit ? (page.at(-1)?.room_id ?? null) : null,
      };
    },
  );

  app.get(
    '/api/rooms/:room_id',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getRoom',
        tags: ['rooms'],
        summary: 'Read a room: its policy and who is there',
        params: RoomParams,
        response: {
          200: json('The room', Room),
          ...problems('room_not_found', 'rate_limited', 'unavailable'),
        },
      },
    },
    async (request, reply) => {
      const { room_id } = request.params;
      const command = { type: 'describe', room_id, request_id: request.id } as const;
      const answer = await engine.request(command, request.grant);
      if (answer.type === 'queued')
        return sendProblem(reply, 'unavailable', 'the room did not answer in time; try again');
      if (isUnfinished(answer)) return sendUnfinished(reply, answer, { room_id });
      return answer.type === 'described' ? answer.room : impossible(answer);
    },
  );

  app.put(
    '/api/rooms/:room_id',
    {
      config: { access: 'open' },
      preValidation: (request, _reply, done) => {
        if (request.body === undefined) request.body = {};
        done();
      },
      schema: {
        operationId: 'openRoom',
        tags: ['rooms'],
        summary: 'Open a room, or change its policy',
        description:
          'Fields that are left out keep their value; a new room has those of the preset of its id. No body: none is given.',
        params: RoomParams,
        body: PolicyChange,
        'x-body-optional': true,
        response: {
          200: json('The room has this policy now', Room),
          201: json('The room was opened', Room),
          202: json('Durably queued', Queued),
          ...problems(...BODY_PROBLEMS, 'rate_limited', 'unavailable'),
        },
      },
    },
    async (request, reply) => {
      const { room_id } = request.params;
      const answer = await carryOut(engine, request, {
        type: 'open',
        room_id,
        policy: request.body,
        request_id: request.id,
      });
      if (isUnfinished(answer)) return sendUnfinished(reply, answer, { room_id });
      if (answer.type !== 'opened') return impossible(answer);
      return reply.code(answer.created ? 201 : 200).send(answer.room);
    },
  );

  app.delete(
    '/api/rooms/:room_id',
    {
      config: { access: 'close' },
      schema: {
        operationId: 'closeRoom',
        tags: ['rooms'],
        summary: 'Close a room',
        description: 'Its connections are closed with 4410. Its history stays unless `purge` is true.',
        params: RoomParams,
        querystring: CloseQuery,
        response: {
          202: json('Durably queued', Queued),
          204: Done,
          ...problems('forbidden', 'room_not_found', 'rate_limited', 'unavailable'),
        },
      },
    },
    async (request, reply) => {
      const { room_id } = request.params;
      const answer = await carryOut(engine, request, {
        type: 'close',
        room_id,
        purge: request.query.purge ?? false,
        request_id: request.id,
      });
      if (isUnfinished(answer)) return sendUnfinished(reply, answer, { room_id });
      return reply.code(204).send();
    },
  );

  app.delete(
    '/api/rooms/:room_id/members/:user',
    {
      config: { access: 'kick' },
      schema: {
        operationId: 'removeMember',
        tags: ['rooms'],
        summary: 'Remove a member',
        description: 'Its connections are closed with 4403 and its seat is free at once.',
        params: MemberParams,
        response: {
          202: json('Durably queued', Queued),
          204: Done,
          ...problems('room_not_found', 'not_a_member', 'room_closed', 'rate_limited', 'unavailable'),
        },
      },
    },
    async (request, reply) => {
      const { room_id, user } = request.params;
      const answer = await carryOut(engine, request, { type: 'kick', room_id, user, request_id: request.id });
      if (isUnfinished(answer)) return sendUnfinished(reply, answer, { room_id });
      return reply.code(204).send();
    },
  );
}
