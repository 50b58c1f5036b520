import { BODY_GOAL, COMMANDS_PER_MESSAGE, stale } from '../wire.js';
import type { Request } from './pending.js';

/** The commands of the next AMQP message, all of one partition. */
export interface Load {
  readonly requests: readonly Request[];
  readonly body: Buffer;
}

/**
 * Commands that wait to be sent: a lane for each partition, in the order of the calls. Lanes take turns, one message
 * each, also over several calls of `take`: a long lane does not keep the others waiting when the broker accepts little.
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

  /** Puts requests, in their order, in front of those that wait in the same lanes. */
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

  /** Harmless if the request is in no lane. */
  remove(request: Request): void {
    if (this.lanes[request.partition]?.delete(request)) this.count--;
  }

  /** Takes out the commands of the next message; null if none wait. */
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
        request.isRetry ? { ...stale(request.command), again: true } : request.command,
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
