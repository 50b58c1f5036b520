import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { Revocation } from '../../engine/access/revocation.js';
import { checker, faultLine } from '../../engine/messages/check.js';
import { DURABLE_EVENTS, type DurableEvent } from '../../engine/messages/events.js';
import { RoomId, Timestamp } from '../../engine/messages/fields.js';
import { Policy } from '../../engine/messages/policy.js';
import { speller } from '../../engine/messages/spelling.js';
import type { RoomRecord } from '../../engine/ports.js';
import { LineFault } from './fault.js';

/** Raised when a line changes its meaning or loses a field; an import refuses the versions it does not know. */
const VERSION = 1;

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const strict = { additionalProperties: false };

const RoomLine = Type.Object(
  {
    type: Type.Literal('room'),
    version: Type.Literal(VERSION),
    room: Type.Object(
      {
        room_id: RoomId,
        head_seq: Count,
        status: Type.Union([Type.Literal('open'), Type.Literal('closed'), Type.Literal('empty')]),
        policy: Type.Union([Policy, Type.Null()]),
        created_at: Timestamp,
      },
      strict,
    ),
    first_seq: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  },
  strict,
);
const EndLine = Type.Object(
  { type: Type.Literal('end'), room_id: RoomId, events: Count, head_seq: Count },
  strict,
);
const RevocationLine = Type.Object({ type: Type.Literal('revocation'), ...Revocation.properties }, strict);
const CompleteLine = Type.Object(
  { type: Type.Literal('complete'), rooms: Count, revocations: Type.Optional(Count) },
  strict,
);

/**
 * The lines of an export: UTF-8, one JSON object a line. An export of everything begins with a `revocation` for each user and token
 * that is revoked, before the rooms: nobody is to get into a room that is there while they are not. A Parlor that does not know
 * this line refuses the file at its first line, and leaves nothing out in silence.
 *
 * For each room, in this order:
 *
 * - `room`: its record as it was when its export began, and `first_seq`, the seq of the first event that follows:
 *   greater than 1 if older ones were forgotten, `head_seq + 1` if there is none;
 * - its durable events, as DURABLE_EVENTS has them, from `first_seq` to `head_seq` without a gap;
 * - `end`: how many events there were, and the last one's seq.
 *
 * After the last room comes `complete` with the number of rooms, and of revocations if there are some. A file without it was cut off. Exports can be
 * joined (`cat`). Fields stand in the order of their schema, so equal rooms are equal bytes, whatever the store.
 */
const LINES = {
  room: RoomLine,
  ...DURABLE_EVENTS,
  end: EndLine,
  revocation: RevocationLine,
  complete: CompleteLine,
};

export type RoomLine = Static<typeof RoomLine>;
export type EndLine = Static<typeof EndLine>;
export type RevocationLine = Static<typeof RevocationLine>;
export type CompleteLine = Static<typeof CompleteLine>;
export type Line = RoomLine | DurableEvent | EndLine | RevocationLine | CompleteLine;

export function roomLine(room: RoomRecord, firstSeq: number): string {
  return write({ type: 'room', version: VERSION, room, first_seq: firstSeq });
}

export function eventLine(event: DurableEvent): string {
  return write(event);
}

export function endLine(room: RoomRecord, events: number): string {
  return write({ type: 'end', room_id: room.room_id, events, head_seq: room.head_seq });
}

export function revocationLine(revocation: Revocation): string {
  return write({ type: 'revocation', ...revocation });
}

export function completeLine(rooms: number, revocations = 0): string {
  return write({ type: 'complete', rooms, ...(revocations > 0 ? { revocations } : {}) });
}

function write(line: Line): string {
  return `${JSON.stringify(inOrder(LINES[line.type], line))}\n`;
}

/** The same value with its fields in the order of the schema; what the schema does not know comes last. */
function inOrder(schema: TSchema, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const fields = fieldsOf(schema);
  const given = value as Record<string, unknown>;
  const ordered: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) if (name in given) ordered[name] = undefined;
  for (const name of Object.keys(given)) {
    const field = fields[name];
    ordered[name] = field ? inOrder(field, given[name]) : given[name];
  }
  return ordered;
}

/** The fields of an object, or of the one object in a union (`Policy | null`). */
function fieldsOf(schema: TSchema): Record<string, TSchema> {
  const choices = (schema['anyOf'] ?? [schema]) as TSchema[];
  return (choices.find(({ properties }) => properties !== undefined)?.['properties'] ?? {}) as Record<
    string,
    TSchema
  >;
}

const READERS = new Map(
  Object.entries(LINES).map(([type, schema]) => [type, { check: checker(schema), spell: speller(schema) }]),
);

/** One line of an export, checked. Throws a LineFault that says what is wrong with it. */
export function parseLine(text: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new LineFault('this is not JSON; the line is damaged or cut off');
  }
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  const reader = typeof type === 'string' ? READERS.get(type) : undefined;
  if (!reader) {
    const known = [...READERS.keys()].map((name) => `"${name}"`).join(', ');
    throw new LineFault(`it must be a JSON object whose type is one of ${known}`);
  }
  refuseOtherVersions(value as { type: string; version?: unknown });
  const faults = reader.check(value);
  if (faults) throw new LineFault(faultLine(faults));
  const line = reader.spell(value) as Line;
  if (line.type === 'room') requireTime('room/created_at', line.room.created_at);
  if (line.type === 'revocation') requireRevocation(line);
  if ('at' in line) requireTime('at', line.at);
  return line;
}

function refuseOtherVersions({ type, version }: { type: string; version?: unknown }): void {
  if (type !== 'room' || !Number.isInteger(version) || version === VERSION) return;
  throw new LineFault(
    `the export is of version ${String(version)}, this Parlor reads version ${VERSION}: use a newer Parlor`,
  );
}

function requireRevocation({ user, token_id, revoked_at, until }: RevocationLine): void {
  if ((user === undefined) === (token_id === undefined))
    throw new LineFault('it must have either user or token_id');
  requireTime('revoked_at', revoked_at);
  if (until !== undefined) requireTime('until', until);
}

/** Stores keep times in this form only; any other would be read back changed. */
function requireTime(field: string, time: string): void {
  if (/^\d{4}-/.test(time) && new Date(time).toISOString() === time) return;
  throw new LineFault(`${field}: must be a time such as 2024-01-01T00:00:00.000Z`);
}
