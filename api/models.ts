import type { TSchema } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { DURABLE_EVENTS } from '../engine/messages/events.js';
import { Policy, PolicyChange } from '../engine/messages/policy.js';
import { Problem } from './problem.js';
import {
  Event,
  EventPage,
  Message,
  MessagePage,
  PostBody,
  Queued,
  Room,
  RoomPage,
  RoomSummary,
} from './schemas.js';

/** The schemas that have a name in the OpenAPI document. A generated client has a type for each. */
const MODELS: Readonly<Record<string, TSchema>> = {
  ...{ Message, MessagePage, NewMessage: PostBody, Queued },
  ...{ Room, RoomPage, RoomSummary, Policy, PolicyChange },
  ...{ Event, EventPage, Problem },
  MessagePosted: DURABLE_EVENTS.message_posted,
  RoomOpened: DURABLE_EVENTS.room_opened,
  PolicyChanged: DURABLE_EVENTS.policy_changed,
  MemberKicked: DURABLE_EVENTS.member_kicked,
  RoomClosed: DURABLE_EVENTS.room_closed,
};

const NAMES: ReadonlyMap<unknown, string> = new Map(
  Object.entries(MODELS).map(([name, schema]) => [schema, name]),
);

/** Adds the models to the app, for the references that `withNames` makes. */
export function addModels(app: FastifyInstance): void {
  for (const [$id, model] of Object.entries(MODELS)) app.addSchema({ $id, ...insideNamed(model) });
}

/** A copy of a route's schema with references in place of models. Routes need whole schemas to check requests. */
export function withNames(schema: unknown): unknown {
  const name = NAMES.get(schema);
  if (name !== undefined) return { $ref: `${name}#` };
  if (Array.isArray(schema)) return schema.map(withNames);
  return typeof schema === 'object' && schema !== null ? insideNamed(schema) : schema;
}

function insideNamed(schema: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withNames(value)]));
}
