import type { Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import { BODY_GOAL, COMMANDS_PER_MESSAGE, stale } from '../wire.js';

/**
 * A command of this node. `waiting`: in its lane, not sent; `sent`: not confirmed by the broker; `safe`: confirmed;
 * `over`: answered.
 */
export interface Request {
  readonly command: Command;
  readonly partition: number;
  readonly onAnswer: (answer: Answer) => void;
  readonly deadline: number;
  state: 'waiting' | 'sent' | 'safe' | 'over';
  batch: Batch | null;
  /** Sent before, over a connection that ended before the broker had said anything: it may be there. */
  again: boolean;
}

/** What was sent in one AMQP message. */
export interface Batch {
  readonly id: string;
  /** Emptied when all of them are over: the broker may confirm the message hours later, or never. */
  requests: readonly Request[];
  /** How many of them are not over. */
  open: number;
}

/** What goes into one AMQP message, all of one partition. */
export interface Load {
  readonly requests: readonly Request[];
  readonly body: Buffer;
}

/**
 * Commands that wait to be sent: a lane for each partition, in the order in which they were asked. Lanes are served in
 * turn, a message each, also over many calls: a long lane does not keep the others waiting while the broker takes little.
 */
export class Lanes {
  private readonly lanes: Set<Request>[];
  private turn = 0;
  private count = 0;

  constructor(partitions: number) {
    this.lanes = Array.from({ length: partitions }, () => new Set());
  }

  /** Requests in all lanes. */
  get size(): number {
    return this.count;
  }

  add(request: Request): void {
    this.lanes[request.partition]?.add(request);
    this.count++;
  }

  /** Puts requests, in their order, before those that wait in the same lanes. */
  putBack(requests: readonly Request[]): void {
    const byLane = new Map<number, Request[]>();
    for (const request of requests) {
      const same = byLane.get(request.partition);
      if (same) same.push(request);
      else byLane.set(request.partition, [request]);
    }
    for (const [partition, first] of byLane)
      this.lanes[partition] = new Set([...first, ...(this.lanes[partition] ?? [])]);
    this.count += requests.length;
  }

  /** Takes a request out, wherever it stands. Harmless if it is in no lane. */
  remove(request: Request): void {
    if (this.lanes[request.partition]?.delete(request)) this.count--;
  }

  /** Takes what goes into the next message; null if nothing waits. */
  take(): Load | null {
    if (this.count === 0) return null;
    for (;;) {
      const lane = this.lanes[this.turn];
      this.turn = (this.turn + 1) % this.lanes.length;
      if (lane !== undefined && lane.size > 0) return this.takeFrom(lane);
    }
  }

  private takeFrom(lane: Set<Request>): Load {
    const requests: Request[] = [];
    const texts: string[] = [];
    let size = 0;
    for (const request of lane) {
      if (requests.length >= COMMANDS_PER_MESSAGE || size >= BODY_GOAL) break;
      const text = JSON.stringify(
        request.again ? { ...stale(request.command), again: true } : request.command,
      );
      size += text.length;
      requests.push(request);
      texts.push(text);
      lane.delete(request);
    }
    this.count -= requests.length;
    return { requests, body: Buffer.from(`[${texts.join(',')}]`) };
  }
}
