import type { Answer } from '../messages/answers.js';
import type { Command } from '../messages/commands.js';
import type { RoomEvent } from '../messages/events.js';
import type { Word } from '../messages/words.js';

/**
 * One uninterrupted time in which this node is the home of a partition, and so of all rooms in it. Every
 * command that is delivered in that time carries the same object. The session ends when the node loses the
 * partition or its link to the broker, and never begins again: a node that gets the partition back gets it in
 * a new session.
 */
export interface Session {
  /**
   * Whether this node is known to be the home now. False while the link is silent, or after the node was
   * suspended, because another home may have begun. Then nothing may be decided from what is in memory. It
   * becomes true again, or the session ends.
   */
  readonly isCurrent: boolean;
  /** Whether another node may have been the home before, so that something it decided may still be on its way to the store. */
  readonly mayFollowAnother: boolean;
}

/**
 * A command on its way to its room, with what the room owes for it. Exactly one of the two methods is called,
 * once; neither throws. After the end of its session both do nothing: a durable broker delivers the command
 * to the next home.
 */
export interface Delivery {
  readonly command: Command;
  readonly session: Session;
  /** The command was delivered before and may have been carried out: the broker cannot tell. */
  readonly redelivered: boolean;
  /**
   * An earlier command for the same room is going to be delivered again, so this one would overtake it if it
   * were carried out now. Read it when the command's turn comes, since it may become true until then. If it
   * is true, call `retry`: this command then comes again behind the earlier one.
   */
  readonly mustWait: boolean;
  /**
   * The command is dealt with: answers its sender, and lets the broker forget it once `published` is
   * fulfilled. Call it after the command's events are committed.
   */
  settle(answer: Answer, published?: Promise<void>): void;
  /**
   * Nothing happened, and the fault is not the command's (the store is down): a durable broker delivers the
   * command again, in its old order; another broker answers `unavailable`. A command that fails again and
   * again while other commands of this node succeed is given up after some attempts. `passing`: the reason passes
   * by itself (the room rests, the node is full, the store is away), so this attempt does not count. The sender may be
   * told the reason, so it names nothing of the inside.
   */
  retry(reason: string, passing?: boolean): void;
}

/** What a broker tells the engine. None of these throws. */
export interface BrokerHandlers {
  /** A command for a room this node is the home of. Per sender and room in the order they were sent. */
  command(delivery: Delivery): void;
  /**
   * Events of one or more rooms, per room in order; at least once, with gaps only where `missed` is told
   * afterwards.
   */
  events(events: readonly RoomEvent[]): void;
  /** A word that some node said, perhaps this one: see `Broker.say`. */
  word(word: Word): void;
  /**
   * Events and words may have been lost until now. Told when events arrive again. `mayBeGone`: another node has taken this
   * one for gone, or may have, so that its seats may be lost.
   */
  missed(mayBeGone: boolean): void;
  /**
   * This node is no longer the home of the session's rooms. Told before this node is delivered a command in
   * the partition's next session; a next home elsewhere may have begun a moment before.
   */
  sessionEnded(session: Session): void;
  /** The lease of a node is over: its connections are gone, or the node is too slow to wait for. */
  nodeGone(nodeId: string): void;
}

export interface BrokerState {
  readonly kind: string;
  readonly ready: boolean;
  /**
   * Why it is not ready; null when it is. May name hosts and ports: for the log and for `/health/ready`, never for
   * clients. What an answer or a rejection of this port says, clients may be told.
   */
  readonly reason: string | null;
  /** Commands waiting for an answer. */
  readonly pending: number;
  /** Commands held back while the connection is down. */
  readonly buffered: number;
  /** Partitions of which this node is the home, as far as commands were delivered here. */
  readonly partitions: number;
}

/**
 * Carries commands to the home of their room, events to every node with an audience, and words between nodes.
 *
 * Guarantees:
 * - commands of one sender to one room arrive in the order of the calls;
 * - a command that was answered `queued` or better is delivered at least once;
 * - at most one node at a time is the home of a room;
 * - events reach the publishing node's own handler before `publish` returns;
 * - commands are delivered only once `nodes` knows every node that lives.
 */
export interface Broker {
  /** Connects and begins to deliver. Rejects if it cannot within its own limits. */
  start(handlers: BrokerHandlers): Promise<void>;
  /** Sends a command; `onAnswer` is called exactly once, never before this returns. */
  request(command: Command, onAnswer: (answer: Answer) => void): void;
  /**
   * Resolves when the events are safe with the broker. Rejects if they never will be; they are in the store.
   */
  publish(events: readonly RoomEvent[]): Promise<void>;
  /**
   * Says something to one node, or with `null` to all that live, this one included. Best effort: at most
   * once, in the order of the calls; a word is lost without notice when the link is. A word to this node
   * itself reaches its own handler before the call returns.
   */
  say(word: Word, to: string | null): void;
  /**
   * The other nodes that live. A node whose command was delivered here is among them, at least until
   * `nodeGone` is told of it.
   */
  nodes(): ReadonlySet<string>;
  /**
   * Asks for the events of a slot; resolves when none after this will be missed. Counted: call once an
   * audience.
   */
  subscribe(slot: number): Promise<void>;
  unsubscribe(slot: number): void;
  state(): BrokerState;
  /** Takes no more commands from others; resolves when those delivered have been settled, or after `ms`. */
  drain(ms: number): Promise<void>;
  /**
   * Ends the connection. A command that waits for its answer is answered `queued` if it is durably so, else
   * `unavailable`.
   */
  close(): Promise<void>;
}
