import { Type, type Static } from '@sinclair/typebox';
import type { Message } from 'amqplib';
import { errorText } from '../../engine/errors.js';
import { checker, faultLine, type Fault } from '../../engine/messages/check.js';
import { COMMANDS, type Command, type CommandType } from '../../engine/messages/commands.js';
import { DURABLE_EVENTS, EPHEMERAL_EVENTS, type RoomEvent } from '../../engine/messages/events.js';
import { Uuid } from '../../engine/messages/fields.js';
import { speller } from '../../engine/messages/spelling.js';
import { WORDS, type Word } from '../../engine/messages/words.js';
import { partitionOf, slotOf } from '../../engine/slots.js';
import { fromUtf8 } from '../../engine/text/utf8.js';

/*
 * The bodies of AMQP messages, all of them JSON in UTF-8:
 *
 *   a command      {"type":"post","room_id":"42",…}: one, or an array of up to COMMANDS_PER_MESSAGE of one partition
 *   its answer     to one command one answer: {"type":"posted","message":{…}}; to an array one or several messages
 *                  [[0,{…}],[2,{…}]], each pair a position in that array and its answer
 *   events         an array of events of one slot, in order
 *   words          an array of messages from one node to others, in order; type `parlor.words`
 *   a beat         {"node_id":"…","number":7,…}: a node is alive; type `parlor.alive`. It is read whatever its version
 *                  is, because nodes of all versions have to know which are alive: so these fields never change
 */

/**
 * The version of all messages that this Parlor publishes. Raise it with every change that a reader of the previous version
 * would refuse or misread. A new field and a new type are such changes, since schemas list all their fields.
 *
 * So that nodes can be replaced one by one, a new version takes two releases: the first one reads it, the next one writes
 * it. Each also reads the version before. The schemas of stores have versions of their own.
 */
export const WIRE_VERSION = 1;
/** Foreign services may leave it out: without the header the version is 1. */
const VERSION_HEADER = 'x-parlor-version';
/** The headers of every message that is published. */
export const VERSIONED = { [VERSION_HEADER]: WIRE_VERSION } as const;

/** The version of a message, for a log, if this Parlor cannot read it; null if it can. */
export function unreadVersion({ properties }: Message): string | null {
  const version: unknown = properties.headers?.[VERSION_HEADER];
  if (version === undefined) return null;
  // Any service may publish, so the header may be anything.
  const text = typeof version === 'string' ? version : JSON.stringify(version);
  const isRead = /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= WIRE_VERSION;
  return isRead ? null : text.slice(0, 20);
}

/** The header with the version, as it was received. */
export function versionOf({ properties }: Message): object {
  const version: unknown = properties.headers?.[VERSION_HEADER];
  return version === undefined ? {} : { [VERSION_HEADER]: version };
}

/** Messages with more commands, or a larger body, are not read. A Parlor node sends no more commands, and far fewer bytes. */
export const COMMANDS_PER_MESSAGE = 100;
export const BODY_LIMIT = 1024 * 1024;
/** A message gets no more commands or events when it has reached this size, characters. */
export const BODY_GOAL = 64 * 1024;

/** AMQP `type` of commands from a Parlor node: only in these is the field `fresh` trusted. */
export const NODE_COMMANDS = 'parlor.commands';

/** AMQP `type` of messages between nodes. */
export const NODE_WORDS = 'parlor.words';
export const NODE_ALIVE = 'parlor.alive';

/** One command of a body, or what is wrong with it and the value as it was received. */
export type Read = { readonly command: Command } | { readonly fault: string; readonly value: unknown };

/** `single`: the body was one object, so the answer is one object, too. `fault`: the body cannot be read at all. */
export type ReadBody =
  { readonly single: boolean; readonly items: readonly Read[] } | { readonly fault: string };

type Check = (value: unknown) => Fault[] | null;
const byType = (schemas: Record<string, Parameters<typeof checker>[0]>): ReadonlyMap<string, Check> =>
  new Map(Object.entries(schemas).map(([type, schema]) => [type, checker(schema)]));
const commandChecks = byType(COMMANDS);
const commandSpellers: ReadonlyMap<string, ReturnType<typeof speller>> = new Map(
  Object.entries(COMMANDS).map(([type, schema]) => [type, speller(schema)]),
);
const eventChecks = byType({ ...DURABLE_EVENTS, ...EPHEMERAL_EVENTS });
const wordChecks = byType(WORDS);

/** Reads the body of a message with commands at the home of a partition. Never throws. */
export function readCommands(body: Buffer, partition: number, partitions: number): ReadBody {
  const parsed = parse(body);
  if ('fault' in parsed) return parsed;
  const { value } = parsed;
  if (!Array.isArray(value)) return { single: true, items: [readCommand(value, partition, partitions)] };
  if (value.length === 0) return { fault: 'an array without a command' };
  if (value.length > COMMANDS_PER_MESSAGE) {
    return { fault: `${value.length} commands in one message; at most ${COMMANDS_PER_MESSAGE} are read` };
  }
  return { single: false, items: value.map((one: unknown) => readCommand(one, partition, partitions)) };
}

/**
 * The number of commands in an array that is not read, each of which has an answer; null if the body as a whole has one:
 * it is no array, none that `readCommands` takes, or cannot be parsed.
 */
export function countCommands(body: Buffer): number | null {
  const parsed = parse(body);
  if (!('value' in parsed) || !Array.isArray(parsed.value)) return null;
  const { length } = parsed.value;
  return length > 0 && length <= COMMANDS_PER_MESSAGE ? length : null;
}

function readCommand(value: unknown, partition: number, partitions: number): Read {
  const fault = faultOf(value, commandChecks, 'a command');
  if (fault !== null) return { fault, value };
  const given = value as Command;
  const command = commandSpellers.get(given.type)?.(given) ?? given;
  const home = partitionOf(slotOf(command.room_id), partitions);
  if (home === partition) return { command };
  const rule = 'routing key = FNV-1a(room_id) mod 1024 mod partitions';
  return {
    fault: `room ${command.room_id} belongs to partition ${home} of ${partitions}, not ${partition}: ${rule}`,
    value,
  };
}

/** Reads the body of a message with events: those that belong to its slot, and the faults of the others. */
export function readEvents(body: Buffer, routingKey: string): { events: RoomEvent[]; faults: string[] } {
  const { good, faults } = readList(body, eventChecks, 'an event');
  const events = (good as RoomEvent[]).filter(({ room_id }) => String(slotOf(room_id)) === routingKey);
  if (events.length < good.length) faults.push('an event of another slot');
  return { events, faults };
}

/** Reads the body of a message with words. */
export function readWords(body: Buffer): { words: Word[]; faults: string[] } {
  const { good, faults } = readList(body, wordChecks, 'a word');
  return { words: good as Word[], faults };
}

const NumberedAlive = Type.Object({
  node_id: Uuid,
  /** Counts the beats of a node, so that the node recognizes which of them has come back. */
  number: Type.Integer({ minimum: 1 }),
  hello: Type.Optional(Type.Boolean()),
  placed: Type.Optional(Type.Boolean()),
  bye: Type.Optional(Type.Boolean()),
  edge: Type.Optional(Type.Boolean()),
  returns: Type.Optional(Type.Record(Type.String(), Type.Integer())),
});
const checkAlive = checker(NumberedAlive);

/** Reads a beat; null if the body is not one. */
export function readAlive(body: Buffer): Static<typeof NumberedAlive> | null {
  const parsed = parse(body);
  if ('fault' in parsed || checkAlive(parsed.value) !== null) return null;
  return parsed.value as Static<typeof NumberedAlive>;
}

function readList(
  body: Buffer,
  checks: ReadonlyMap<string, Check>,
  what: string,
): { good: unknown[]; faults: string[] } {
  const parsed = parse(body);
  if ('fault' in parsed) return { good: [], faults: [parsed.fault] };
  const values: unknown[] = Array.isArray(parsed.value) ? parsed.value : [parsed.value];
  const faults = values.map((value) => faultOf(value, checks, what));
  return {
    good: values.filter((_, i) => faults[i] === null),
    faults: faults.filter((fault) => fault !== null),
  };
}

function parse(body: Buffer): { readonly value: unknown } | { readonly fault: string } {
  if (body.length > BODY_LIMIT)
    return { fault: `a body of ${body.length} bytes; at most ${BODY_LIMIT} are read` };
  const text = fromUtf8(body);
  if (text === null) return { fault: 'not UTF-8: a body is JSON in UTF-8' };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (cause) {
    return { fault: `not JSON in UTF-8: ${errorText(cause).slice(0, 200)}` };
  }
}

function faultOf(value: unknown, checks: ReadonlyMap<string, Check>, what: string): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `not ${what}, which is a JSON object`;
  const type = 'type' in value ? value.type : undefined;
  const check = typeof type === 'string' ? checks.get(type) : undefined;
  if (!check) return `type: must be one of ${[...checks.keys()].join(', ')}`;
  const faults = check(value);
  return faults && faultLine(faults);
}

/** The same command without `fresh`, the claim that its id is new: it may have been carried out before. */
export function stale(command: Command): Command {
  if (!('fresh' in command)) return command;
  const { fresh: _, ...rest } = command;
  return rest;
}

/** Refusals that do not come from a decision of the room: it would have carried the command out at another time. */
const LOSING: ReadonlySet<string> = new Set(['internal', 'unavailable', 'rate_limited']);
/** Commands that mean something only while their sender waits for the answer. */
const FOR_THE_ASKER: ReadonlySet<CommandType> = new Set(['describe', 'typing', 'join', 'leave', 'assert']);

/**
 * Whether a command that ended with this refusal has to be dead-lettered: it was durably queued, perhaps nobody waits for
 * its answer any more, and it will not be carried out.
 */
export function isLost(type: CommandType, code: string): boolean {
  return LOSING.has(code) && !FOR_THE_ASKER.has(type);
}
