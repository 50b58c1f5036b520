import type { Channel, ConsumeMessage } from 'amqplib';
import { newId } from '../../../engine/ids.js';
import type { Word } from '../../../engine/messages/words.js';
import type { BrokerHandlers, Clock, Log, Meter } from '../../../engine/ports.js';
import { Alone } from './alone.js';
import { Leases } from './leases.js';
import type { Part } from '../connection/link.js';
import { closeChannel, openPublisher, type Publisher } from '../connection/publisher.js';
import { ABSENT_MS, createProbe } from './probe.js';
import { BEAT_MS, Pulse } from './pulse.js';
import { NODES } from '../topology.js';
import type { IsNewer } from '../newer.js';
import { NODE_ALIVE, NODE_WORDS, readAlive, readWords, VERSIONED } from '../wire.js';
import { ALL, WordsOut } from './words-out.js';

export interface Nodes extends Part {
  say(word: Word, to: string | null): void;
  /** The others that live. */
  readonly others: ReadonlySet<string>;
  /** The others that live and take partitions. */
  readonly homes: ReadonlySet<string>;
  /** A command of this node is handed out here. */
  sent(nodeId: string): void;
  /** A room has come to this node: it is asked at once whether one of the others was killed. */
  look(): void;
  /** Whether others may have taken this node for gone while it had no link, before this one. */
  readonly mayBeGone: boolean;
  /** This node has subscribed to its partitions over the link that there is now. */
  placed(): void;
  /** Resolves when every node that lives is known, or the link is lost. In an alarm that may take as long as it lasts. */
  known(): Promise<void>;
}

interface Parts {
  readonly nodeId: string;
  readonly handlers: () => BrokerHandlers;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly isNewer: IsNewer;
  readonly isBlocked: () => boolean;
  /** Whether this node takes no partitions. */
  readonly isEdge: () => boolean;
  /** Nodes that take partitions have come or gone. `back`: one that is here again, behind all that wait; null: none is. */
  readonly moved: (back: string | null) => void;
  readonly broken: (reason: string) => void;
}

/** A node that reads slower than it is spoken to loses the oldest words, and notices by the numbers of its own. */
const QUEUE_LIMIT = 10_000;

/**
 * What nodes say to each other, and which of them live. Each has a queue for it beside that for events: a backlog of
 * events must not make a node look dead, to itself or to others.
 */
export function createNodes(parts: Parts): Nodes {
  const { nodeId, clock, log, meter } = parts;
  const leases = new Leases(nodeId);
  const pulse = new Pulse(clock);
  const ALIVE = { contentType: 'application/json', headers: VERSIONED, type: NODE_ALIVE, appId: nodeId };
  const words = new WordsOut({ nodeId, meter, publisher: () => (parts.isBlocked() ? null : publisher) });
  let channel: Channel | null = null;
  let publisher: Publisher | null = null;
  let cancelBeat = (): void => undefined;
  /** Whether something came back since the last beat. */
  let cameBack = false;
  let mayBeGone = false;
  /** The number of this link's first beat. When it has come back, all have had a beat's time to answer the hello. */
  let knownWith = Infinity;
  let endKnown = (): void => undefined;
  let known: Promise<void> = Promise.resolve();
  /** Whether every node that lives is known, over this link; and whether that was so over any. */
  let isKnown = false;
  let wasKnown = false;
  const alone = new Alone();
  const probe = createProbe({ clock, others: () => leases.expected, ask, gone: disconnected });

  /** Returns its number. */
  function sayAlive(kind: 'hello' | 'placed' | 'bye' | null = null): number {
    const number = pulse.sent();
    publisher?.publish(
      { exchange: NODES, key: ALL, body: alive(kind, number), options: ALIVE },
      () => undefined,
    );
    return number;
  }

  function alive(kind: 'hello' | 'placed' | 'bye' | null, number: number): Buffer {
    return Buffer.from(JSON.stringify({ ...leases.alive(kind, parts.isEdge()), number }));
  }

  /** What is said is only that this node lives: of interest is whether the broker can deliver it. */
  function ask(id: string, told: (isThere: boolean) => void): void {
    if (parts.isBlocked()) return;
    const options = { ...ALIVE, mandatory: true, messageId: newId() };
    publisher?.publish({ exchange: NODES, key: id, body: alive(null, 0), options }, (outcome) => {
      if (outcome === 'confirmed' || outcome === 'unroutable') told(outcome === 'confirmed');
    });
  }

  function disconnected(id: string): void {
    if (!leases.disconnected(id)) return;
    gone(id, 'it is not connected');
    parts.moved(null);
  }

  function beat(): void {
    cancelBeat = clock.after(BEAT_MS, beat);
    if (cameBack) endLeases();
    cameBack = false;
    // What is said now would come back in one go later: as many beats in a moment in which nobody else is heard.
    if (parts.isBlocked()) {
      pulse.rest();
      if (!isKnown) lookAround();
    } else knownWith = Math.min(knownWith, sayAlive());
    if (!pulse.beat()) parts.broken('the broker is silent: what this node says does not come back');
  }

  function allKnown(): void {
    isKnown = true;
    wasKnown = true;
    leases.open();
    endKnown();
  }

  function lookAround(): void {
    const on = channel;
    if (on === null) return;
    const checked = alone.check(on, wasKnown).then((isAlone) => {
      if (isAlone && channel === on) allKnown();
    });
    // The channel has ended, and says so itself.
    checked.catch(() => undefined);
  }

  function endLeases(): void {
    const over = leases.beat();
    for (const id of over) gone(id, 'it is silent');
    if (over.length > 0) parts.moved(null);
  }

  function gone(id: string, reason: string): void {
    log.info({ node: id, reason }, 'rabbitmq: a node is gone');
    parts.handlers().nodeGone(id);
  }

  function arrived(message: ConsumeMessage): void {
    const { content, properties } = message;
    const isOwn = properties.appId === nodeId;
    if (properties.type === NODE_ALIVE) heard(content, isOwn);
    // What this node says to all it has heard when it said it.
    else if (properties.type !== NODE_WORDS || !isOwn) {
      if (!parts.isNewer('word', message)) hear(content);
    }
  }

  function hear(content: Buffer): void {
    const { words: said, faults } = readWords(content);
    if (faults.length > 0) {
      meter.dropped('undecodable_word', faults.length);
      log.warn({ fault: faults[0] }, 'rabbitmq: what arrived is no word');
    }
    for (const word of said) parts.handlers().word(word);
  }

  function heard(content: Buffer, isOwn: boolean): void {
    const alive = readAlive(content);
    if (alive === null) {
      meter.dropped('undecodable_word');
      return;
    }
    if (isOwn) {
      cameBack = true;
      if (alive.number >= knownWith && !isKnown) allKnown();
      if (!pulse.returned(alive.number)) parts.handlers().missed(false);
      return;
    }
    const { missed, greet, gone: ended, moved } = leases.heard(alive);
    if (greet) sayAlive();
    if (ended) gone(alive.node_id, 'it has ended');
    if (moved) parts.moved(alive.hello === true || alive.placed === true ? alive.node_id : null);
    if (missed) parts.handlers().missed(true);
  }

  async function openQueue(opened: Channel): Promise<void> {
    let reason = 'the queue for words was closed';
    opened.on('error', (cause) => (reason = cause.message));
    opened.on('close', () => {
      if (channel === opened) parts.broken(reason);
    });
    const queue = `parlor.words.${nodeId}.${newId().slice(-12)}`;
    const limits = { 'x-max-length': QUEUE_LIMIT };
    await opened.assertQueue(queue, { exclusive: true, autoDelete: true, durable: false, arguments: limits });
    for (const key of [ALL, nodeId]) await opened.bindQueue(queue, NODES, key);
    await opened.consume(
      queue,
      (message) => {
        if (message === null) parts.broken('the queue for words was deleted');
        else if (channel === opened) arrived(message);
      },
      { noAck: true },
    );
  }

  function lost(): void {
    cancelBeat();
    channel = null;
    publisher = null;
    knownWith = Infinity;
    isKnown = false;
    endKnown();
    words.lost();
    pulse.end();
    probe.end();
    leases.lost();
  }

  return {
    async open({ consuming, publishing }) {
      const opened = await consuming.createChannel();
      channel = opened;
      publisher = await openPublisher(publishing, { onRoom: words.flush, broken: parts.broken });
      await openQueue(opened);
      known = new Promise((ready) => (endKnown = ready));
      alone.begin();
      mayBeGone = pulse.silentMs >= ABSENT_MS;
      pulse.begin();
      cameBack = false;
      sayAlive('hello');
      cancelBeat = clock.after(BEAT_MS, beat);
    },
    lost,
    async close() {
      const [closing, saying] = [channel, publisher];
      if (closing === null) return;
      words.flush();
      sayAlive('bye');
      lost();
      await Promise.all([saying?.close(), closeChannel(closing)]);
    },
    say(word, to) {
      if (to === null || to === nodeId) parts.handlers().word(word);
      if (to !== nodeId) words.add(word, to ?? ALL);
    },
    get others() {
      return leases.nodes;
    },
    get homes() {
      return leases.homes;
    },
    sent: (id) => leases.sent(id),
    look: () => probe.begin(),
    get mayBeGone() {
      return mayBeGone;
    },
    placed: () => void sayAlive('placed'),
    known: () => known,
  };
}
