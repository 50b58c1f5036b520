import type { ConsumeMessage } from 'amqplib';
import { notDelivered, refused, type Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import type { Delivery, Session } from '../../../engine/ports.js';
import { CUT_HEADER, HEADERS_LIMIT } from '../connection/long-headers.js';
import { askerOf, type AnswersOut, type Asker } from './answers-out.js';
import type { DeadLetters, DeathReason } from './dead-letters.js';
import {
  countCommands,
  isLost,
  NODE_COMMANDS,
  readCommands,
  stale,
  unreadVersion,
  WIRE_VERSION,
  type Read,
} from '../wire.js';

/** One command of an envelope, until it is answered. */
export interface Item {
  readonly envelope: Envelope;
  /** Its index among the commands of its message. */
  readonly position: number;
  readonly command: Command;
  /** It was given to the engine before. */
  tried: boolean;
  /** Attempts that failed while other commands succeeded. */
  failures: number;
  /** `Successes.count` at the last attempt. */
  successes: number;
}

/** One AMQP message with commands, from its arrival to its acknowledgement. */
export interface Envelope {
  readonly message: ConsumeMessage;
  readonly items: readonly Item[];
  /** Where the answers go; null: nowhere. */
  readonly asker: Asker | null;
  /** The node that sent it; null if a foreign service did. */
  readonly sender: string | null;
  /** How many commands are not settled yet. */
  open: number;
  /** How many commands wait for their rooms. */
  waiting: number;
  /** These have to settle before the message is acknowledged: the publishing of its events … */
  readonly published: Set<Promise<void>>;
  /** … and of its dead letters. */
  readonly buried: Promise<void>[];
}

interface Parts {
  readonly partition: number;
  readonly partitions: number;
  readonly answers: AnswersOut;
  readonly dead: DeadLetters;
}

/** Reads a message. The commands of this partition become its items; everything else is refused and dead-lettered here. */
export function openEnvelope(message: ConsumeMessage, parts: Parts): Envelope {
  const version = unreadVersion(message);
  if (version !== null) return park(message, version, parts);
  // Without its headers nobody knows what version it is of.
  const body = isCut(message)
    ? { fault: `headers of more than ${HEADERS_LIMIT} bytes are not read` }
    : readCommands(message.content, parts.partition, parts.partitions);
  const asker = askerOf(message, 'fault' in body || body.single);
  const items: Item[] = [];
  const { type, appId } = message.properties as { readonly type: unknown; readonly appId: unknown };
  const sender = type === NODE_COMMANDS && typeof appId === 'string' ? appId : null;
  const envelope = envelopeOf(message, items, asker, sender);
  if ('fault' in body) {
    bury(envelope, parts, 'undecodable', body.fault);
    answer(envelope, parts, 0, refused({ code: 'bad_request', message: body.fault }));
    return envelope;
  }
  // The field `fresh` claims that a command's id is new. Only nodes may claim that, and only for the first delivery.
  const believed = type === NODE_COMMANDS && !message.fields.redelivered;
  body.items.forEach((read: Read, position) => {
    if ('command' in read) {
      const command = believed ? read.command : stale(read.command);
      items.push({ envelope, position, command, tried: false, failures: 0, successes: 0 });
      return;
    }
    const part = body.single ? message.content : partOf(message, read.value);
    bury(envelope, parts, 'undecodable', read.fault, part);
    answer(envelope, parts, position, refused({ code: 'bad_request', message: read.fault }));
  });
  envelope.open = items.length;
  return envelope;
}

function isCut({ properties }: ConsumeMessage): boolean {
  return properties.headers !== undefined && CUT_HEADER in properties.headers;
}

/**
 * One value of an array as bytes, or the whole array where it cannot be written: JSON.parse reads values that are nested
 * too deeply for JSON.stringify, which throws a RangeError. Thrown from here, it would end the connection at each delivery.
 */
function partOf(message: ConsumeMessage, value: unknown): Buffer {
  try {
    return Buffer.from(JSON.stringify(value));
  } catch {
    return message.content;
  }
}

function envelopeOf(
  message: ConsumeMessage,
  items: readonly Item[],
  asker: Asker | null,
  sender: string | null,
): Envelope {
  return { message, items, asker, sender, open: 0, waiting: 0, published: new Set(), buried: [] };
}

/** For a message of a newer Parlor: answers that it was not carried out, and dead-letters it. */
function park(message: ConsumeMessage, version: string, parts: Parts): Envelope {
  const count = countCommands(message.content);
  const envelope = envelopeOf(message, [], askerOf(message, count === null), null);
  const text = `a command of version ${version}; the home of this room reads up to version ${WIRE_VERSION}`;
  bury(envelope, parts, 'newer_version', text);
  const refusal = notDelivered('no', { code: 'unavailable', message: `${text}, and has not carried it out` });
  for (let position = 0; position < (count ?? 1); position++) answer(envelope, parts, position, refusal);
  return envelope;
}

/** Dead-letters a whole message; none of its commands reaches the engine. */
export function condemn(envelope: Envelope, parts: Parts, detail: string): void {
  bury(envelope, parts, 'delivered_too_often', detail);
  const refusal = refused({ code: 'internal', message: detail });
  for (const { position } of envelope.items) answer(envelope, parts, position, refusal);
  envelope.open = 0;
}

/** Ends a command: sends its answer, and dead-letters it if it is lost for its room. */
export function settle(item: Item, parts: Parts, result: Answer, published: Promise<void> | undefined): void {
  const { envelope, command, position } = item;
  envelope.open--;
  answer(envelope, parts, position, result);
  if (published) envelope.published.add(published);
  if (result.type === 'refused' && isLost(command.type, result.code)) {
    bury(envelope, parts, result.code as DeathReason, result.message, Buffer.from(JSON.stringify(command)));
  }
}

function bury(envelope: Envelope, parts: Parts, reason: DeathReason, detail: string, body?: Buffer): void {
  const buried = parts.dead.add(envelope.message, reason, detail, body);
  // Awaited when the message is complete. If the connection is lost before, nobody awaits it any more.
  buried.catch(() => undefined);
  envelope.buried.push(buried);
}

function answer(envelope: Envelope, parts: Parts, position: number, result: Answer): void {
  if (envelope.asker) parts.answers.send(envelope.asker, position, result);
}

/** A command as the engine gets it. Only the first call of `settle` or `retry` has an effect. */
export class HomeDelivery implements Delivery {
  private done = false;

  constructor(
    readonly command: Command,
    readonly session: Session,
    readonly redelivered: boolean,
    private readonly settled: (answer: Answer, published: Promise<void> | undefined) => void,
    private readonly retried: (reason: string, passing: boolean) => void,
    private readonly isBehindRetried: () => boolean,
  ) {}

  get mustWait(): boolean {
    return this.isBehindRetried();
  }

  settle(answer: Answer, published?: Promise<void>): void {
    if (this.done) return;
    this.done = true;
    this.settled(answer, published);
  }

  retry(reason: string, passing = false): void {
    if (this.done) return;
    this.done = true;
    this.retried(reason, passing);
  }
}
