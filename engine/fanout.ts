import { inRoom } from './codec.js';
import { errorText } from './errors.js';
import type { Listener } from './listener.js';
import type { Log, Meter, Outlet } from './ports.js';

export interface FanoutParts {
  readonly outlet: Outlet;
  readonly log: Log;
  readonly meter: Meter;
}

/**
 * Up to this many listeners are sent each frame one by one, so that everything for one of them, acks too,
 * shares a write. With more of them the outlet's topic does it, without a loop in JavaScript
 * (bench/NOTES.md).
 */
const DIRECT_MOST = 8;
/** A listener falls behind when more than this part of its buffer is full, … */
const BEHIND = 1 / 2;
/** … and has caught up when at most this part is. */
const BACK = 1 / 4;
/** When this part of a buffer has been sent, the backlogs are looked at before the next ephemeral frame. */
const LOOK = 1 / 8;
/** Counted when an ephemeral frame is not sent to a slow listener. */
export const SPARED = 'slow_consumer_ephemeral';
/** They make more topics of a room's id; no room id contains `!`. */
const DURABLE = '!durable';
const MANY = '!many';

/** Of frames as they are on connections to one room, or of those that name their room. */
interface TopicPair {
  readonly all: string;
  /** Without ephemeral frames. */
  readonly durable: string;
}

/** The room's topics: each text is made once, as each listener keeps the one that it hears. */
interface Topics {
  readonly one: TopicPair;
  readonly many: TopicPair;
}

function topicsOf(roomId: string): Topics {
  const pair = (all: string): TopicPair => ({ all, durable: `${all}${DURABLE}` });
  return { one: pair(roomId), many: pair(`${roomId}${MANY}`) };
}

/** How many bytes may wait for a listener before it is not sent ephemeral frames any more. */
export function behindBytes(outlet: Pick<Outlet, 'bufferBytes'>): number {
  return outlet.bufferBytes * BEHIND;
}

/**
 * The listeners of a room, and the cheapest way to send a frame to all of them.
 *
 * A laggard, a listener that reads too slowly, is not sent ephemeral frames, so that its buffer lasts for the
 * durable ones. A topic cannot skip one of its subscribers, so laggards hear another topic, with durable
 * frames only. Cost for fast readers: one look at every backlog per eighth of a buffer sent, and only in
 * rooms that have ephemeral frames.
 */
export class Fanout {
  /**
   * Listeners that are sent each frame one by one; null once there were more than DIRECT_MOST. There is no
   * way back, since it could change the order of frames.
   */
  private direct: Listener[] | null = [];
  /** Listeners that get durable frames only. Null until there is one: most rooms never have any. */
  private laggards: Set<Listener> | null = null;
  /** Null while there are few listeners. */
  private topics: Topics | null = null;
  /** How many listeners hear a topic whose frames name their room. */
  private ofMany = 0;
  /** How much was sent to the topic since the backlogs were looked at. */
  private unseen = 0;

  constructor(
    private readonly roomId: string,
    private readonly parts: FanoutParts,
  ) {}

  /** From now on `listener` gets what is sent. */
  add(listener: Listener): void {
    if (this.direct !== null && this.direct.length < DIRECT_MOST) {
      // Just as long as it has to be: `push` would make room for seventeen, and most rooms have two.
      this.direct = this.direct.concat(listener);
      return;
    }
    const topics = (this.topics ??= topicsOf(this.roomId));
    for (const one of this.direct ?? []) this.hearTopic(one, topics);
    this.direct = null;
    this.hearTopic(listener, topics);
  }

  /** Nothing is sent to `listener` any more. To be called once; harmless if it was never added. */
  remove(listener: Listener): void {
    if (this.direct !== null) this.direct = this.direct.filter((one) => one !== listener);
    this.laggards?.delete(listener);
    if (listener.isOneOfMany && listener.hearsTopic) this.ofMany--;
  }

  private hearTopic(listener: Listener, { one, many }: Topics): void {
    const pair = listener.isOneOfMany ? many : one;
    const heardBefore = listener.hearsTopic;
    listener.hear(this.lags(listener) ? pair.durable : pair.all);
    if (listener.isOneOfMany && listener.hearsTopic && !heardBefore) this.ofMany++;
  }

  /** Sends a frame that nobody may miss to all, in the order of the calls. */
  send(frame: string): void {
    const { direct, topics, laggards } = this;
    for (const listener of direct ?? []) this.sendTo(listener, frame);
    if (topics === null) return;
    this.count(frame);
    this.publish('all', frame, topics);
    if (laggards !== null && laggards.size > 0) this.publish('durable', frame, topics);
  }

  private publish(to: keyof TopicPair, frame: string, { one, many }: Topics): void {
    const { outlet } = this.parts;
    outlet.publish(one[to], frame);
    if (this.ofMany > 0) outlet.publish(many[to], inRoom(this.roomId, frame));
  }

  /**
   * Sends an ephemeral frame to all but the laggards, in order with the other frames. `all`: listeners of the
   * room, at least those that were added. Answers how many were added and did not get it.
   */
  sendEphemeral(frame: string, all: Iterable<Listener>): number {
    const { outlet, meter } = this.parts;
    const { direct, topics } = this;
    if (direct !== null) {
      this.look(direct);
      for (const listener of direct) if (!this.lags(listener)) this.sendTo(listener, frame);
    }
    if (topics !== null) {
      if (this.unseen >= outlet.bufferBytes * LOOK) {
        this.unseen = 0;
        this.look(all);
      }
      this.count(frame);
      this.publish('all', frame, topics);
    }
    const missed = this.laggards?.size ?? 0;
    if (missed > 0) meter.dropped(SPARED, missed);
    return missed;
  }

  /**
   * If a socket throws, the listeners behind it still get the frame. Its connection is ended, since it missed
   * one.
   */
  private sendTo(listener: Listener, frame: string): void {
    try {
      listener.sendSoon(frame);
    } catch (cause) {
      const { log, meter } = this.parts;
      meter.crashed('connection');
      const fields = { room_id: this.roomId, connection_id: listener.id, cause: errorText(cause) };
      log.error(fields, 'connection: its socket failed; it is ended');
      listener.abort();
    }
  }

  /**
   * Counts characters, since counting bytes costs more. At worst three times as many bytes go by between two
   * looks.
   */
  private count(frame: string): void {
    if (this.unseen < this.parts.outlet.bufferBytes) this.unseen += frame.length;
  }

  private lags(listener: Listener): boolean {
    return this.laggards?.has(listener) === true;
  }

  private look(at: Iterable<Listener>): void {
    const most = behindBytes(this.parts.outlet);
    for (const listener of at)
      if (listener.backlog() > most && listener.isLive && !this.lags(listener)) this.fallBehind(listener);
  }

  private fallBehind(listener: Listener): void {
    const { outlet, log } = this.parts;
    const fields = { room_id: this.roomId, connection_id: listener.id };
    log.info(fields, 'a connection reads too slowly: it gets messages only, until it has read');
    this.laggards ??= new Set();
    this.laggards.add(listener);
    if (this.topics !== null) this.hearTopic(listener, this.topics);
    listener.whenRead(outlet.bufferBytes * BACK, () => {
      if (!this.laggards?.delete(listener)) return;
      if (this.topics !== null) this.hearTopic(listener, this.topics);
    });
  }
}
