import { Heartbeat } from '../uws/heartbeat.js';
import { EventStream, type StreamAnswer, type StreamParts } from './event-stream.js';
import { frameEvent, type FrameEvent } from './event-text.js';

export interface StreamOptions {
  /** Bytes that a client has not read; with more its stream is ended with 4508. */
  readonly maxBufferedBytes: number;
  /** Each stream is sent a comment in this time, at most MOST_PAUSE_S; s. */
  readonly pingS: number;
}

/** The streams of a node. */
export interface Streams {
  open(answer: StreamAnswer): EventStream;
  /** Sends a frame to the streams that hear this topic, in the order of the calls. Costs nothing while there are none. */
  publish(topic: string, frame: string): void;
  readonly count: number;
}

/**
 * uWebSockets.js closes HTTP connections 8 to 12 s after something has happened on them. Its binary for Node 20 leaves answers alone
 * that are not complete (tried for 45 s); should another one not do so, there is a comment in time.
 */
const MOST_PAUSE_S = 6;

export function createStreams({ maxBufferedBytes, pingS }: StreamOptions): Streams {
  const topics = new Map<string, Set<EventStream>>();
  /** Those with something to write at the end of this turn. */
  let due: EventStream[] = [];
  let last: { readonly frame: string; readonly event: FrameEvent } | null = null;
  let count = 0;

  function flushAll(): void {
    const streams = due;
    due = [];
    for (const stream of streams) stream.flush();
  }

  const heartbeat = new Heartbeat({ pingS: Math.min(pingS, MOST_PAUSE_S), silenceS: Infinity });
  const parts: StreamParts = {
    maxBufferedBytes,
    heartbeat: {
      add(stream) {
        count++;
        heartbeat.add(stream);
      },
      remove(stream) {
        count--;
        heartbeat.remove(stream);
      },
    },
    // A room sends the same frame to one listener after another.
    eventOf(frame) {
      if (last?.frame !== frame) last = { frame, event: frameEvent(frame) };
      return last.event;
    },
    flushSoon(stream) {
      if (due.push(stream) === 1) setImmediate(flushAll);
    },
    moved(stream, from, to) {
      if (from !== null) {
        const streams = topics.get(from);
        streams?.delete(stream);
        if (streams?.size === 0) topics.delete(from);
      }
      if (to === null) return;
      const streams = topics.get(to) ?? new Set();
      topics.set(to, streams.add(stream));
    },
  };

  return {
    open: (answer) => new EventStream(answer, parts),
    publish(topic, frame) {
      const streams = topics.size === 0 ? undefined : topics.get(topic);
      if (streams === undefined) return;
      const event = parts.eventOf(frame);
      for (const stream of streams) stream.published(event);
    },
    get count() {
      return count;
    },
  };
}
