import type { Answer } from './messages/answers.js';
import type { Command } from './messages/commands.js';
import type { DurableEvent, RoomEvent } from './messages/events.js';
import type { Policy } from './messages/policy.js';
import type { Word } from './messages/words.js';

/* ------------------------------------------------------------------ Broker */

/**
 * One uninterrupted time in which this node is the home of a partition: of all rooms in it. The same object for every
 * command that is delivered in it. It ends when the node loses the partition or its link to the broker, and never
 * begins again: a node that gets the partition back gets it in a new session.
 */
export interface Session {
  /**
   * Whether this node is known to be the home now. False while the link is silent, or the node was suspended, and it
   * cannot be told yet whether another home has begun. Then nothing may be decided from what is in memory. It becomes
   * true again, or the session ends.
   */
  readonly isCurrent: boolean;
}

/**
 * A command on its way to its room, with what the room owes for it. Exactly one of the two methods is called, once;
 * neither throws. After the end of its session both do nothing: a durable broker delivers the command to the next home.
 */
export interface Delivery {
  readonly command: Command;
  readonly session: Session;
  /** Delivered before, perhaps carried out: the broker cannot tell. */
  readonly redelivered: boolean;
  /**
   * A command for the same room that stood before this one is to be tried again: carried out now, this one would
   * overtake it. It has to be given back with `retry`, too, and comes again behind the other.
   */
  readonly overtakes: boolean;
  /**
   * The command is dealt with: tells who asked, and lets the broker forget it once `published` is fulfilled.
   * To be called after its events are committed.
   */
  settle(answer: Answer, published?: Promise<void>): void;
  /**
   * Nothing happened, and the fault is not the command's (the store is down): a durable broker delivers it
   * again, in its old order; another one answers `unavailable`. A command that fails again and again while others of
   * its partition succeed is given up after some attempts. `passing`: the reason passes by itself (the room rests, the
   * node is full), so the attempt does not count.
   */
  retry(reason: string, passing?: boolean): void;
}

/** What a broker tells the engine. None of these throws. */
export interface BrokerHandlers {
  /** A command for a room this node is the home of. Per sender and room in the order they were sent. */
  command(delivery: Delivery): void;
  /** Events of one or more rooms, per room in order; at least once, with gaps only where `missed` is told afterwards. */
  events(events: readonly RoomEvent[]): void;
  /** What a node said, this one included: see `Broker.say`. */
  word(word: Word): void;
  /**
   * Events and words may have been lost until now, or another node has taken this one for gone. Told when events
   * arrive again.
   */
  missed(): void;
  /**
   * This node is no longer the home of these rooms. Told before a delivery of the partition's next session on this
   * node; the next home, elsewhere, may have begun a moment before.
   */
  sessionEnded(session: Session): void;
  /** The lease of a node is over: its connections are gone, or it is too slow to be waited for. */
  nodeGone(nodeId: string): void;
}

export interface BrokerState {
  readonly kind: string;
  readonly ready: boolean;
  /** Why it is not ready, for a human; null when it is. */
  readonly reason: string | null;
  /** Commands waiting for an answer. */
  readonly pending: number;
  /** Commands held back while the connection is down. */
  readonly buffered: number;
}

/**
 * Carries commands to the home of their room, events to every node with an audience, and words between nodes.
 *
 * Guarantees: commands of one sender to one room arrive in the order of the calls; a command is delivered at
 * least once when it was answered `queued` or better, and at most one node at a time is the home of a room;
 * events reach the publishing node's own handler before `publish` returns; commands are delivered only after `nodes`
 * knows every node that lives.
 */
export interface Broker {
  /** Connects and begins to deliver. Rejects if it cannot within its own limits. */
  start(handlers: BrokerHandlers): Promise<void>;
  /** Sends a command; `onAnswer` is called exactly once, never before this returns. */
  request(command: Command, onAnswer: (answer: Answer) => void): void;
  /** Resolves when the events are safe with the broker. Rejects if they never will be; they are in the store. */
  publish(events: readonly RoomEvent[]): Promise<void>;
  /**
   * Says something to one node, or with `null` to all that live, this one included. Best effort: at most once, in the
   * order of the calls, lost without a notice with the link. What this node says to itself its own handler hears
   * before the call returns.
   */
  say(word: Word, to: string | null): void;
  /**
   * The other nodes that live. A node that has sent a command which was delivered here is among them, at least until
   * `nodeGone` is told of it.
   */
  nodes(): ReadonlySet<string>;
  /** Asks for the events of a slot; resolves when none after this will be missed. Counted: call once an audience. */
  subscribe(slot: number): Promise<void>;
  unsubscribe(slot: number): void;
  state(): BrokerState;
  /** Takes no more commands from others; resolves when those delivered have been settled, or after `ms`. */
  drain(ms: number): Promise<void>;
  /** Ends the connection. What waits for an answer gets `queued` if it is durably so, else `unavailable`. */
  close(): Promise<void>;
}

/* ------------------------------------------------------------------- Store */

/** What the store knows of a room without reading its events: enough to wake it. */
export interface RoomRecord {
  readonly room_id: string;
  /** seq of the last durable event; kept over a purge. */
  readonly head_seq: number;
  readonly status: 'open' | 'closed' | 'empty';
  /** The policy that was set for this room, or null where the preset of its id holds. */
  readonly policy: Policy | null;
  readonly created_at: string;
}

/** One room's part of a commit: its new events, with seqs that follow `room.head_seq - events.length`. */
export interface Append {
  readonly room: RoomRecord;
  readonly events: readonly DurableEvent[];
  /** Forget all events of this room with a smaller seq than this. */
  readonly purge_before?: number;
}

/** What of a room's history is kept; what is older than either allows is forgotten. null: no such limit. */
export interface Keep {
  readonly max_messages: number | null;
  /** ms since 1970: events from before it are forgotten, up to the first that is not. */
  readonly not_before: number | null;
}

/**
 * `fenced`: another writer has used one of these seqs; `duplicate`: one of the message ids is in the store;
 * `failed`: this one could not be stored, which says nothing about the others of the call.
 */
export type AppendResult = 'committed' | 'fenced' | 'duplicate' | 'failed';

export interface Page {
  readonly room_id: string;
  /** Only events with a greater seq. */
  readonly after?: number;
  /** Only events with a smaller seq. */
  readonly before?: number;
  readonly limit: number;
  readonly messages_only: boolean;
}

export interface LogPage {
  readonly events: readonly DurableEvent[];
  /** Goes on behind this page, now or later. Digits only; null: nothing was ever stored. */
  readonly cursor: string | null;
  /** Whether more is there already. */
  readonly more: boolean;
}

export interface StoreState {
  readonly kind: string;
  readonly ready: boolean;
  readonly reason: string | null;
}

/**
 * Remembers rooms and their durable events.
 *
 * Guarantees: the appends of one call are one transaction per room and are made in the order given; an append
 * is whole or not at all; (room_id, seq) is unique for ever, and the id of an event as long as it is not forgotten;
 * what was answered `committed` is read by every later call, and by every later process if the store is durable.
 * Cursors are stable: pages neither skip nor repeat an event while others append.
 */
export interface Store {
  /** Makes the store ready, its schema up to date. Rejects with one line that says what to do where it cannot. */
  start(): Promise<void>;
  /** One result per append, in order. Rejects if the store cannot tell: then none of them may be assumed. */
  append(appends: readonly Append[]): Promise<AppendResult[]>;
  load(roomId: string): Promise<RoomRecord | null>;
  /** Events by seq, ascending with `after`, else the newest first. */
  history(page: Page): Promise<DurableEvent[]>;
  /**
   * Events of all rooms in the order they were committed. `after`: a cursor that `log` gave, good whatever is
   * forgotten since, or the id of an event; null: from the beginning. Resolves with null where that id is not known
   * (any more). A call looks at a bounded number of events, so a page may hold fewer than `limit` and yet not be the last.
   */
  log(after: string | null, limit: number): Promise<LogPage | null>;
  /** Those of the ids that events have, of whatever type. */
  findEvents(ids: readonly string[]): Promise<DurableEvent[]>;
  findEvent(eventId: string): Promise<DurableEvent | null>;
  /** Rooms by id, after a room id. */
  rooms(after: string | null, limit: number): Promise<RoomRecord[]>;
  /**
   * Puts a room back as it was elsewhere, without its events: the first one appended has the seq after
   * `record.head_seq`. False if the room is known, then nothing is changed.
   */
  restore(record: RoomRecord): Promise<boolean>;
  /**
   * Forgets the oldest events of a room, a bounded number at a time; resolves with true when there is more to do.
   * What is forgotten, by this or by a purge, is never read again; seq goes on.
   */
  retain(roomId: string, keep: Keep): Promise<boolean>;
  /** Frees what forgotten events still occupy, a bounded piece at a time; true when there is more to do. */
  sweep(): Promise<boolean>;
  state(): StoreState;
  close(): Promise<void>;
}

/* ------------------------------------------------------------------ Outlet */

/** One client's socket, as an adapter hands it to the engine. Every method is harmless once it is closed. */
export interface Socket {
  /** Sends frames, together and in the order of all that this socket is sent and hears. */
  send(...frames: string[]): void;
  /**
   * Sends a frame in some turns of the event loop, together with others that have come by then, in their order. It
   * comes before all that is sent and subscribed after it; what is published to a topic after it may overtake it.
   */
  sendSoon(frame: string): void;
  /** As `sendSoon`, but waits longer: another frame for this socket is on its way, and they may go together. */
  sendAlong(frame: string): void;
  /**
   * From now on gets what is published to the topic, and of the one that it heard until now only what was published
   * before: nothing is missed and nothing comes twice where the same goes to both.
   */
  subscribe(topic: string): void;
  /** Bytes that were handed to the network and wait here, because the client does not read. */
  backlog(): number;
  /**
   * Calls once, when the backlog is at most so many bytes: at once where it is, else when the client has read, and never
   * when it goes before. One call at a time: the next replaces it.
   */
  whenRead(bytes: number, call: () => void): void;
  /** Sends the close frame after what was sent before, and ends the connection whether or not the client reads. */
  end(code: number, reason: string): void;
}

/**
 * Sends one frame to every socket subscribed to a topic, without a loop in JavaScript. It may wait some turns of the event
 * loop for others to go with it.
 */
export interface Outlet {
  /**
   * A frame for a socket with a backlog of more bytes than these is lost. Then that socket gets none behind it either, and
   * its connection is ended: not at once, so that the client can be told why if it reads soon.
   */
  readonly bufferBytes: number;
  publish(topic: string, frame: string): void;
}

/* ------------------------------------------------------------------- Clock */

export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number;
  /** Monotonic, ms. */
  elapsed(): number;
  /** Calls once after `ms`; the result cancels it. Does not keep the process alive. */
  after(ms: number, call: () => void): () => void;
}

/* --------------------------------------------------------------- Telemetry */

/** Where the engine says what happens; pino fits. */
export interface Log {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** Counted as it happens; everything that can be read off the engine's state is not here but in `Engine.stats`. */
export interface Meter {
  refused(code: string): void;
  posted(count: number): void;
  delivered(count: number): void;
  dropped(reason: string, count?: number): void;
  crashed(actor: string): void;
  committed(events: number, ms: number): void;
}
