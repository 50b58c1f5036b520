import { randomUUID } from 'node:crypto';
import { connect, type Channel, type ConfirmChannel, type ConsumeMessage, type GetMessage } from 'amqplib';
import { createRabbitBroker, type RabbitOptions } from '../../../adapters/rabbitmq/broker.js';
import { systemClock } from '../../../adapters/system/clock.js';
import { newId } from '../../../engine/ids.js';
import type { Answer } from '../../../engine/messages/answers.js';
import type { Command, PostCommand } from '../../../engine/messages/commands.js';
import type { Broker, Delivery, Log, Meter } from '../../../engine/ports.js';
import { partitionOf, slotOf } from '../../../engine/slots.js';
import { Node } from '../../conformance/broker-fixture.js';
import { ownVhost } from '../../support/rabbitmq.js';
import { until } from '../../support/until.js';

export const PARTITIONS = 4;

/** All nodes of one test are of one cluster. */
export const STORE = { id: randomUUID(), durable: true, shared: true };

/** What a broker logged and counted. */
export class Witness implements Log, Meter {
  readonly lines: string[] = [];
  readonly drops: string[] = [];
  info(_: object, text: string): void {
    this.lines.push(`info ${text}`);
  }
  warn(fields: object, text: string): void {
    this.lines.push(`warn ${text} ${JSON.stringify(fields)}`);
  }
  error(fields: object, text: string): void {
    this.lines.push(`error ${text} ${JSON.stringify(fields)}`);
  }
  dropped(reason: string, count = 1): void {
    this.drops.push(...Array<string>(count).fill(reason));
  }
  refused(): void {}
  limited(): void {}
  posted(): void {}
  delivered(): void {}
  crashed(): void {}
  committed(): void {}
}

/** A node: its broker, and what its engine was handed. */
export class TestNode extends Node {
  readonly broker: Broker;
  readonly id: string;
  readonly witness: Witness;

  constructor(
    options: ReturnType<typeof rabbitOptions>,
    /** What it does with a command; may be changed at any time. */
    public act: (delivery: Delivery) => void = done,
  ) {
    super((delivery) => this.act(delivery));
    this.broker = createRabbitBroker(options);
    this.id = options.nodeId;
    this.witness = options.witness;
  }

  ask(command: Command): Promise<Answer> {
    return new Promise((answered) => this.broker.request(command, answered));
  }

  /** The texts of the posts it was handed. */
  override texts(roomId?: string): string[] {
    return this.deliveries.flatMap(({ command }) =>
      command.type === 'post' && (roomId === undefined || command.room_id === roomId) ? [command.text] : [],
    );
  }
}

export const done = (delivery: Delivery): void => delivery.settle({ type: 'done' });
export const keep = (): void => undefined;

export function rabbitOptions(url: string): RabbitOptions & { witness: Witness } {
  const witness = new Witness();
  return {
    urls: [url],
    partitions: PARTITIONS,
    store: () => STORE,
    replyTimeoutMs: 5_000,
    nodeId: newId(),
    log: witness,
    meter: witness,
    clock: systemClock,
    witness,
  };
}

/** A node that is not started yet. */
export function makeNode(url: string, change: Partial<RabbitOptions> = {}): TestNode {
  return new TestNode({ ...rabbitOptions(url), ...change });
}

export async function startNode(
  url: string,
  change: Partial<RabbitOptions> = {},
  act: TestNode['act'] = done,
): Promise<TestNode> {
  const node = makeNode(url, change);
  node.act = act;
  await node.broker.start(node);
  return node;
}

/** A broker without anything of Parlor in it, also where all tests share the one that AMQP_URL names. */
export async function cleanBroker(): Promise<string> {
  const url = await ownVhost();
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (let p = 0; p < PARTITIONS; p++) await channel.deleteQueue(`parlor.commands.${p}`);
  await channel.deleteQueue('parlor.dead');
  await channel.deleteQueue('parlor.cluster');
  await connection.close();
  return url;
}

export function post(roomId: string, text: string): PostCommand {
  return { type: 'post', room_id: roomId, id: newId(), user: null, text };
}

export function keyOf(roomId: string): string {
  return String(partitionOf(slotOf(roomId), PARTITIONS));
}

/** A service that knows nothing of Parlor but the wire: amqplib and nothing else. */
export interface Foreign {
  readonly channel: ConfirmChannel;
  /** Publishes to parlor.commands; resolves when the broker has it. */
  send(key: string, body: unknown, options?: object): Promise<void>;
  /** Sends and waits for the first answer. */
  call(key: string, body: unknown): Promise<unknown>;
  /** Takes the next dead letter. */
  dead(): Promise<{ reason: string; detail: string; key: string; body: string }>;
  deadCount(): Promise<number>;
  /** Messages in a queue that nobody has been handed. */
  ready(queue: string): Promise<number>;
  close(): Promise<void>;
}

export async function foreign(url: string): Promise<Foreign> {
  const connection = await connect(url);
  connection.on('error', () => undefined); // A test ends its broker; the next call shows it.
  const channel = await connection.createConfirmChannel();
  const reading: Channel = await connection.createChannel();
  const answers = new Map<string, (body: unknown) => void>();
  const { queue } = await reading.assertQueue('', { exclusive: true });
  const onAnswer = (message: ConsumeMessage | null): void => {
    if (message)
      answers.get(String(message.properties.correlationId))?.(JSON.parse(message.content.toString()));
  };
  await reading.consume(queue, onAnswer, { noAck: true });
  const bytes = (body: unknown): Buffer => (Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)));
  const self: Foreign = {
    channel,
    async send(key, body, options = {}) {
      channel.publish('parlor.commands', key, bytes(body), options);
      await channel.waitForConfirms();
    },
    async call(key, body) {
      const correlationId = newId();
      const answered = new Promise<unknown>((answer) => answers.set(correlationId, answer));
      await self.send(key, body, { replyTo: queue, correlationId });
      return answered;
    },
    async dead() {
      const take = (): Promise<GetMessage | false> => reading.get('parlor.dead', { noAck: true });
      const message = await until(take, { what: 'a dead letter' });
      if (message === false) throw new Error('no dead letter');
      const header = (name: string): string => String(message.properties.headers?.[name]);
      return {
        reason: header('x-parlor-reason'),
        detail: header('x-parlor-detail'),
        key: header('x-parlor-routing-key'),
        body: message.content.toString(),
      };
    },
    deadCount: async () => (await reading.checkQueue('parlor.dead')).messageCount,
    ready: async (name) => (await reading.checkQueue(name)).messageCount,
    close: () => connection.close(),
  };
  return self;
}

/** Takes up to `count` messages of a queue and dies without a word, as a process that crashes does. */
export async function takeAndDie(url: string, queue: string, count: number): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const got: ConsumeMessage[] = [];
  await channel.consume(queue, (message) => message && got.push(message));
  await until(() => got.length === count, { what: `${count} messages` });
  await connection.close();
}
