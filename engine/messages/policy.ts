import { Type, type Static } from '@sinclair/typebox';

/** How much of a room's history is kept. */
const Retention = Type.Object(
  {
    max_messages: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000 })),
    max_age_s: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_153_600_000 })),
  },
  { additionalProperties: false, minProperties: 1 },
);

/** What a room allows. Each of the brief's open questions is one field. */
export const Policy = Type.Object(
  {
    capacity: Type.Union([Type.Integer({ minimum: 1, maximum: 1_000_000 }), Type.Null()], {
      description: 'how many users may hold a seat; null: no limit',
    }),
    creation: Type.Union([Type.Literal('on_demand'), Type.Literal('explicit')], {
      description: 'on_demand: the first join or post opens the room; explicit: it has to be opened with PUT',
    }),
    deletion: Type.Union([Type.Literal('manual'), Type.Literal('when_empty'), Type.Literal('never')], {
      description:
        'manual: by DELETE; when_empty: also by itself when the last seat is free; never: not at all',
    }),
    grace_ms: Type.Integer({
      minimum: 0,
      maximum: 86_400_000,
      description: 'how long a seat is kept after its user’s last connection is gone, ms',
    }),
    idle_ms: Type.Integer({
      minimum: 0,
      maximum: 86_400_000,
      description: 'how long an empty room stays in memory, ms',
    }),
    deliver_alone: Type.Boolean({
      description: 'false: while one user is alone in the room, messages are stored but not sent',
    }),
    post: Type.Union([Type.Literal('members'), Type.Literal('anyone')], {
      description: 'who may post: users with a seat, or services and other users too',
    }),
    post_interval_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 86_400_000,
        description:
          'slow mode: how long a user has to wait after a post before the next one, ms; 0 or left out: not at all',
      }),
    ),
    retention: Type.Union([Retention, Type.Null()], {
      description:
        'how much of its history is kept: the newest max_messages, and nothing older than max_age_s; null: all of it',
    }),
  },
  { additionalProperties: false },
);
export type Policy = Static<typeof Policy>;

/** Some fields of a policy. The others keep their values. */
export const PolicyChange = Type.Partial(Policy, { additionalProperties: false });
export type PolicyChange = Static<typeof PolicyChange>;

/** Whether two policies say the same. */
export function samePolicy(a: Policy, b: Policy): boolean {
  const fields = Object.keys(a) as (keyof Policy)[];
  return (
    fields.every((field) => COMPARED_APART.has(field) || a[field] === b[field]) &&
    (a.post_interval_ms ?? 0) === (b.post_interval_ms ?? 0) &&
    sameRetention(a, b)
  );
}

/** What may be left out, or is no plain value. */
const COMPARED_APART: ReadonlySet<keyof Policy> = new Set(['post_interval_ms', 'retention']);

function sameRetention({ retention: a }: Policy, { retention: b }: Policy): boolean {
  if (a === null || b === null) return a === b;
  return a.max_messages === b.max_messages && a.max_age_s === b.max_age_s;
}
