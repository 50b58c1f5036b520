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
  /** The other living nodes. */
  readonly others: ReadonlySet<string>;
  /** The other living nodes that take partitions. */
  readonly homes: ReadonlySet<string>;
  /** A command of another node was delivered here: that node is alive. */
  sent(nodeId: string): void;
  /** This node has become the home of rooms: checks at once whether one of the others was killed. */
  checkOthers(): void;
  /** Whether other nodes may have taken this one for gone before it had the present link. */
  readonly mayBeGone: boolean;
  /** This node has subscribed to its partitions over the present link. */
  placed(): void;
  /** Resolves when all living nodes are known, or the link is lost. In an alarm that may take until the alarm is over. */
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
  /** Whether this node takes no partitions now. */
  readonly isEdge: () => boolean;
  /** Called when nodes that take partitions have joined or left. `back`: the node that has subscribed again, or null. */
  readonly moved: (back: string | null) => void;
  readonly broken: (reason: string) => void;
}

/** Most messages in a node's queue for words. Beyond it the oldest are lost; the node notices by the numbers of its own. */
const QUEUE_LIMIT = 10_000;

/**
 * Sends messages between nodes, and knows which nodes are alive. Each node has a queue for this apart from that for events,
 * so that a backlog of events does not make it look dead, to itself or to others.
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
  /** Whether a message of this node has come back since the last beat. */
  let cameBack = false;
  let mayBeGone = false;
  /** The number of this link's first beat. When it has come back, the others have had a beat's time to answer the greeting. */
  let knownWith = Infinity;
  let endKnown = (): void => undefined;
  let known: Promise<void> = Promise.resolve();
  /** Whether all living nodes are known over this link, and whether they ever were over any link. */
  let isKnown = false;
  let wasKnown = false;
  const alone = new Alone();
  const probe = createProbe({ clock, others: () => leases.expected, ask, gone: disconnected });

  /** Sends a beat; returns its number. */
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

  /** Sends a beat to one node, only to see whether the broker can deliver it. */
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
    // Beats sent now would all come back at once later, which would count as many beats in which the others were silent.
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
    // The channel has ended, and reports that by itself.
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
    // This node's own words to all: it has seen them when it sent them.
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
    checkOthers: () => probe.begin(),
    get mayBeGone() {
      return mayBeGone;
    },
    placed: () => void sayAlive('placed'),
    known: () => known,
  };
}
