import type { Test } from 'tap';
import { newId } from '../../engine/ids.js';
import type { Answer } from '../../engine/messages/answers.js';
import type { Command, PostCommand } from '../../engine/messages/commands.js';
import type { MessagePosted, RoomEvent } from '../../engine/messages/events.js';
import type { Word } from '../../engine/messages/words.js';
import type { Broker, BrokerHandlers, Delivery, Session } from '../../engine/ports.js';

/** One broker, not started, for one test. */
export interface BrokerUnderTest {
  readonly broker: Broker;
  /** Whether it keeps a command that could not be carried out, and delivers it again. */
  readonly durable: boolean;
  /** Another node on the same broker, where the adapter can have one; not started either. */
  readonly second?: () => Promise<Broker>;
  /** The same, over a cable that can be damaged. */
  readonly remote?: (t: Test) => Promise<Remote>;
  close(): Promise<void>;
}

/** A node, not started, whose link can be damaged. */
export interface Remote {
  readonly broker: Broker;
  /** Ends its connection; it can make another one at once. */
  cut(): void;
  /** From now on nothing gets through, and nobody is told. */
  silence(): void;
  /** Undoes `silence`: what was held back arrives late. */
  mend(): void;
  /** Ends its connection for ever: what others see of a node that is killed. */
  end(): Promise<void>;
}

export type Make = () => Promise<BrokerUnderTest>;

/** What a node's engine was handed. Commands are settled with `reply` if there is one, else left open. */
export class Node implements BrokerHandlers {
  readonly deliveries: Delivery[] = [];
  readonly heard: RoomEvent[] = [];
  readonly words: Word[] = [];
  readonly gone: string[] = [];
  readonly ended: Session[] = [];
  missedTimes = 0;
  /** For each time, whether it may have been taken for gone. */
  readonly mayBeGone: boolean[] = [];
  onMissed = (): void => undefined;
  /** Told of a delivery before it is answered. */
  onDelivery: (delivery: Delivery) => void = () => undefined;

  constructor(readonly reply?: (delivery: Delivery) => void) {}

  command(delivery: Delivery): void {
    this.onDelivery(delivery);
    this.deliveries.push(delivery);
    this.reply?.(delivery);
  }

  events(events: readonly RoomEvent[]): void {
    this.heard.push(...events);
  }

  word(word: Word): void {
    this.words.push(word);
  }

  missed(mayBeGone: boolean): void {
    this.missedTimes++;
    this.mayBeGone.push(mayBeGone);
    this.onMissed();
  }

  sessionEnded(session: Session): void {
    this.ended.push(session);
  }

  nodeGone(nodeId: string): void {
    this.gone.push(nodeId);
  }

  texts(roomId: string): string[] {
    return this.deliveries.flatMap(({ command }) =>
      command.type === 'post' && command.room_id === roomId ? [command.text] : [],
    );
  }
}

export function post(roomId: string, text: string): PostCommand {
  return { type: 'post', room_id: roomId, id: newId(), user: 'alice', text };
}

export function posted({ room_id, id, user, text }: PostCommand, seq: number): MessagePosted {
  return { type: 'message_posted', event_id: id, room_id, seq, at: '2024-01-01T00:00:00.000Z', user, text };
}

export const DONE: Answer = { type: 'done' };
export const settleAll = (delivery: Delivery): void => delivery.settle(DONE);

export function ask(broker: Broker, command: Command): Promise<Answer> {
  return new Promise((answered) => broker.request(command, answered));
}

/** Makes a broker and starts it with `node` as its engine; closed when the test ends. */
export async function begin(t: Test, make: Make, node: Node): Promise<BrokerUnderTest> {
  const made = await make();
  t.teardown(() => made.close());
  await made.broker.start(node);
  return made;
}

/** Starts another node on the same broker; the same one where there is no other. */
export async function beginSecond(
  t: Test,
  made: BrokerUnderTest,
  first: Node,
): Promise<{ broker: Broker; node: Node }> {
  if (!made.second) return { broker: made.broker, node: first };
  const node = new Node(first.reply);
  const broker = await made.second();
  t.teardown(() => broker.close());
  await broker.start(node);
  return { broker, node };
}
