import { randomUUID } from 'node:crypto';
import { connect, type Options } from 'amqplib';
import { ERRORS } from '../../engine/errors.js';
import { partitionOf, slotOf } from '../../engine/slots.js';
import { inside, type Attack } from './attack.js';
import { anyBytes, anyJson, anyText, bent, mutated, times, type Chance } from './chance.js';
import { POOL } from './http-requests.js';

/** What reaches a home is answered within this time, ms; a busy machine needs some of it. */
const ANSWER_MS = 30_000;
const PARTITIONS = 16;
const ANSWERS: ReadonlySet<unknown> = new Set([
  'posted',
  'joined',
  'opened',
  'described',
  'asserted',
  'done',
  'refused',
]);

const idOf = (chance: Chance): string =>
  `00000000-0000-7000-8000-${String(chance.below(chance.yes(0.5) ? 50 : 1e9)).padStart(12, '0')}`;

function commandFor(chance: Chance, room_id: string): string {
  const user = chance.yes(0.8) ? chance.pick(['alice', 'bob', 'm1']) : anyText(chance);
  const id = idOf(chance);
  const policy = {
    capacity: chance.pick([null, 1, 2]),
    grace_ms: chance.below(500),
    idle_ms: chance.below(500),
  };
  const all = [
    {
      type: 'post',
      id,
      user: chance.yes(0.2) ? null : user,
      text: chance.yes(0.5) ? 'Hello' : anyText(chance),
    },
    { type: 'post', id, user, text: 'Hello', request_id: anyText(chance), again: true },
    { type: 'open', policy },
    { type: 'open', id, policy: {} },
    { type: 'close', purge: chance.yes(0.5) },
    { type: 'kick', id, user },
    { type: 'describe' },
    { type: 'typing', user },
    { type: 'leave', user, connection_id: id },
  ];
  return bent(chance, { room_id, ...chance.pick(all) });
}

function bodyFor(chance: Chance, room: string): Buffer {
  const one = (): string => (chance.yes(0.9) ? commandFor(chance, room) : anyJson(chance));
  switch (chance.below(12)) {
    case 0:
      return anyBytes(chance, 100);
    case 1:
      return Buffer.from(anyJson(chance));
    case 2:
      return mutated(chance, Buffer.from(one()));
    case 3:
    case 4:
      return Buffer.from(`[${times(chance.below(chance.yes(0.1) ? 130 : 8), one).join(',')}]`);
    case 5:
      if (chance.yes(0.1)) return Buffer.alloc(chance.below(1_200_000), chance.pick(['[', ' ', 'x', '1,']));
      return Buffer.from(one());
    default:
      return Buffer.from(one());
  }
}

/** Any event, whole or bent, of rooms that attacks are about. Events are never refused: they are dropped, or do no harm. */
function eventsFor(chance: Chance, room_id: string): Buffer {
  const at = new Date(1.7e12 + chance.below(1e9)).toISOString();
  const own = [
    { type: 'message_posted', user: 'alice', text: 'forged' },
    { type: 'member_kicked', user: 'alice' },
    { type: 'room_closed', reason: 'deleted', purged: false },
  ].map((fields) => ({ ...fields, event_id: idOf(chance), seq: chance.below(50), at, room_id }));
  const passing = [
    { type: 'typing', user: anyText(chance), room_id, at },
    { type: 'member_left', user: 'm1', member_count: chance.below(5), room_id, at },
  ];
  const one = (): string =>
    chance.yes(0.8) ? bent(chance, chance.pick([...own, ...passing])) : anyJson(chance);
  const body = Buffer.from(chance.yes(0.8) ? `[${times(chance.below(4), one).join(',')}]` : one());
  return chance.yes(0.2) ? mutated(chance, body) : body;
}

/** Tables or lists in each other, as deep as amqplib can write them; deeper ones are in foreign.test.ts. */
function nested(chance: Chance): unknown {
  let value: unknown = 1;
  const isTable = chance.yes(0.5);
  for (let depth = chance.below(chance.pick([10, 1_500])); depth > 0; depth--)
    value = isTable ? { a: value } : [value];
  return value;
}

function propertiesFor(chance: Chance): Options.Publish {
  const headers = chance.yes(0.2)
    ? { 'x-parlor-version': chance.pick([1, 2, 0, -1, '1', 'x', true, null, 1e9, { a: 1 }, nested(chance)]) }
    : chance.yes(0.05)
      ? { x: nested(chance) }
      : {};
  return {
    persistent: chance.yes(0.9),
    headers,
    ...(chance.yes(0.1) ? { type: anyText(chance).toWellFormed().slice(0, 40) } : {}),
    ...(chance.yes(0.1) ? { appId: anyText(chance).toWellFormed().slice(0, 40) } : {}),
    ...(chance.yes(0.1) ? { messageId: anyText(chance).toWellFormed().slice(0, 40) } : {}),
    ...(chance.yes(0.1) ? { contentType: 'text/plain', contentEncoding: 'gzip' } : {}),
    ...(chance.yes(0.05) ? { priority: chance.below(256) } : {}),
  };
}

/** How many answers a body has: one, or one for each command of an array that is read. */
function wanted(body: Buffer): number {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return Array.isArray(value) && value.length > 0 && value.length <= 100 ? value.length : 1;
  } catch {
    return 1;
  }
}

type Reply = { readonly type?: unknown; readonly code?: unknown };

function faultOfReply(reply: Reply): string | null {
  if (!ANSWERS.has(reply.type)) return `an answer of no known type: ${JSON.stringify(reply)}`;
  if (reply.type !== 'refused') return null;
  if (typeof reply.code !== 'string' || !Object.hasOwn(ERRORS, reply.code) || reply.code === 'internal')
    return `refused with ${JSON.stringify(reply)}`;
  return inside(JSON.stringify(reply));
}

/** Commands and events as any service may publish them. `close` ends the connection. */
export async function amqpAttack(
  url: string,
  lanes: number,
): Promise<{ attack: Attack; close: () => Promise<void> }> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const waiting = new Map<string, (body: Buffer) => void>();
  await channel.consume(
    queue,
    (reply) => reply && waiting.get(String(reply.properties.correlationId))?.(reply.content),
    {
      noAck: true,
    },
  );

  async function command(chance: Chance): Promise<{ input: Buffer[]; came: string; wrong: string | null }> {
    const room = chance.yes(0.9) ? chance.pick(POOL) : `r${chance.below(100)}`;
    const body = bodyFor(chance, room);
    const isRight = chance.yes(0.95);
    const key = isRight
      ? String(partitionOf(slotOf(room), PARTITIONS))
      : anyText(chance).toWellFormed().slice(0, 60);
    const correlationId = randomUUID();
    const replies: Reply[] = [];
    let over: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (over = resolve));
    const timer = setTimeout(over, ANSWER_MS);
    waiting.set(correlationId, (content) => {
      const value = JSON.parse(content.toString()) as Reply | [number, Reply][];
      replies.push(...(Array.isArray(value) ? value.map(([, reply]) => reply) : [value]));
      if (replies.length >= wanted(body)) over();
    });
    channel.publish('parlor.commands', key, body, {
      ...propertiesFor(chance),
      replyTo: queue,
      correlationId,
    });
    if (isRight) await answered;
    clearTimeout(timer);
    waiting.delete(correlationId);
    const input = [Buffer.from(`${key} `), body];
    if (!isRight) return { input, came: 'no partition', wrong: null };
    if (replies.length < wanted(body))
      return {
        input,
        came: 'silence',
        wrong: `${replies.length} answers of ${wanted(body)} within ${ANSWER_MS} ms`,
      };
    const last = replies.at(-1);
    const wrong = replies.map(faultOfReply).find((fault) => fault !== null) ?? null;
    return { input, came: String(last?.type === 'refused' ? last.code : last?.type), wrong };
  }

  const attack: Attack = {
    name: 'amqp',
    lanes,
    async attempt(chance) {
      if (chance.yes(0.8)) return command(chance);
      const room = chance.pick(POOL);
      const body = eventsFor(chance, room);
      const key = chance.yes(0.8) ? String(slotOf(room)) : anyText(chance).toWellFormed().slice(0, 60);
      channel.publish('parlor.events', key, body, propertiesFor(chance));
      await channel.waitForConfirms();
      return { input: [Buffer.from(`${key} `), body], came: 'events', wrong: null };
    },
  };
  return { attack, close: () => connection.close() };
}
