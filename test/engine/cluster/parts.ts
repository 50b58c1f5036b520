import type { Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import type { RoomEvent } from '../../../engine/messages/events.js';
import type { Word } from '../../../engine/messages/words.js';
import type { BrokerHandlers, Clock, Delivery, Session } from '../../../engine/ports.js';
import type { Wire } from './wire.js';

/** All in ms of virtual time. */
export interface Timing {
  /** A node that was not heard for so long is gone for the others. */
  readonly leaseMs: number;
  /** After so long without a sign of the broker a node does not know whether it is the home of anything. */
  readonly noticeMs: number;
  /** After so long without a sign of a node the broker gives its partitions to others. More than `noticeMs`. */
  readonly giveUpMs: number;
  readonly replyTimeoutMs: number;
}

/** What the harness is told of all that goes through the broker. */
export interface Observer {
  fault(text: string): void;
  published(from: Peer, events: readonly RoomEvent[]): void;
  /** For a human who looks for the reason of a fault. */
  readonly trace: (line: string) => void;
}

/** What a node sends and gets can be delayed, by kind: at most so many turns each, at random. */
export type Delayed = 'requests' | 'commands' | 'answers' | 'events' | 'words' | 'confirms';

/** `waiting`: not sent; `sent`: the broker has not confirmed it; `safe`: it has; `over`: answered. */
export interface Request {
  readonly command: Command;
  state: 'waiting' | 'sent' | 'safe' | 'over';
  /** Was sent before, over a link that was lost: it may have arrived. */
  again: boolean;
  answer(answer: Answer): void;
}

export interface HomeSession extends Session {
  isCurrent: boolean;
  ended: boolean;
}

/**
 * A node, as the broker sees it. `link`: `up`; `silent`: nothing goes through in either direction, and neither side
 * knows yet whether it ever will; `down`: lost, and both sides know; `closed`: by the node itself; `dead`: the node is
 * gone.
 */
export interface Peer {
  readonly index: number;
  readonly nodeId: string;
  readonly clock: Clock;
  link: 'down' | 'up' | 'silent' | 'closed' | 'dead';
  readonly isAlive: boolean;
  /** Since when the others have not heard of it, or null. */
  outSince: number | null;
  /** Something was lost with the link, and it has to be told when there is one again. */
  hasMissed: boolean;
  /** Somebody took it for gone and then heard of it again, by a command of it. */
  wasGone: boolean;
  /** The others that it takes for living. */
  readonly known: Set<string>;
  handlers: BrokerHandlers | null;
  /** Confirmations that wait for a silent link. */
  unconfirmed: (() => void)[];
  endedSessions: HomeSession[];
  readonly requests: { flush(): void; refuseAll(): void };
  delay(kind: Delayed): number;
  deliver(delivery: Delivery): void;
  hear(events: readonly RoomEvent[]): void;
  tellOfEndedSessions(): void;
  lose(): void;
  reconnected(): void;
  flush(): void;
}

/** The broker, as its parts see it. */
export interface Carrier {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly timing: Timing;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly endpoints: Peer[];
  /** Commands that were given up. */
  readonly buried: Command[];
  fault(text: string): void;
  readonly partitions: readonly { readonly home: Peer | null }[];
  partitionOf(room: string): Queue;
  answer(home: Peer, asker: Peer, request: Request, answer: Answer): void;
  heardFrom(sender: Peer, home: Peer): void;
  note(line: string): void;
  requested(from: Peer, command: Command): void;
  said(from: Peer, word: Word): void;
  published(from: Peer, events: readonly RoomEvent[]): void;
  route(from: Peer, events: readonly RoomEvent[]): void;
  dropTo(endpoint: Peer): void;
  joined(endpoint: Peer): void;
  closed(endpoint: Peer): void;
  drainAll(endpoint: Peer, ms: number): Promise<void>;
}

/** The commands of some rooms. */
export interface Queue {
  readonly index: number;
  add(command: Command, sender: Peer, request: Request): void;
}

/** The same command without the claim that its id is new. */
export function stale(command: Command): Command {
  if (!('fresh' in command)) return command;
  const { fresh: _, ...rest } = command;
  return rest;
}
