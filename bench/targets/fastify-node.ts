import type { Static } from '@sinclair/typebox';
import Fastify from 'fastify';
import { newId } from '../../engine/ids.js';
import { Message, PostBody, RoomParams } from '../../api/schemas.js';
import { TYPEBOX } from '../../api/validation.js';
import { listening, portOf } from './peer.js';

/*
 * The peer for posting over HTTP: Parlor's route with Parlor's schemas on Fastify over node:http, which does nothing
 * but answer with a message. Validation and serialization are Parlor's too. Fastify's own, Ajv and its compiled
 * serializer, were measured here and are within 5 % of it: node:http takes the time. No logger, as that is the default
 * and costs most (Parlor logs a line per request: compare with LOG_LEVEL=warn, too).
 */
const app = Fastify({ logger: false, schemaController: TYPEBOX });
let seq = 0;
app.post<{ Params: Static<typeof RoomParams>; Body: Static<typeof PostBody> }>(
  '/api/rooms/:room_id/messages',
  { schema: { params: RoomParams, body: PostBody, response: { 201: Message } } },
  (request, reply) => {
    const { text, user, id } = request.body;
    void reply.code(201).send({
      id: id ?? newId(),
      room_id: request.params.room_id,
      seq: ++seq,
      user: user ?? null,
      text,
      created_at: new Date().toISOString(),
    });
  },
);
await app.listen({ host: '127.0.0.1', port: 0 });
listening(portOf(app.server));
