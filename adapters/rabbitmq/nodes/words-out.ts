import type { Word } from '../../../engine/messages/words.js';
import type { Meter } from '../../../engine/ports.js';
import type { Publisher } from '../connection/publisher.js';
import { NODES } from '../topology.js';
import { BODY_GOAL, NODE_WORDS, VERSIONED } from '../wire.js';

/** The routing key with which every node's queue is bound, in addition to its own id. */
export const ALL = 'all';

/** Most words that wait while the socket is full: some megabytes. */
const WAITING_LIMIT = 10_000;

interface Batch {
  readonly key: string;
  readonly texts: string[];
  size: number;
}

interface Parts {
  readonly nodeId: string;
  readonly meter: Meter;
  /** Null while nothing can be sent. */
  readonly publisher: () => Publisher | null;
}

/**
 * Publishes words to other nodes. Words to one destination in one turn share a message. Every node receives words in the
 * order of the calls, so words to all and words to one node never overtake each other.
 */
export class WordsOut {
  private gathering = new Map<string, Batch>();
  private toAll = false;
  private waiting: Batch[] = [];
  private count = 0;

  constructor(private readonly parts: Parts) {}

  add(word: Word, key: string): void {
    if (this.parts.publisher() === null || this.count >= WAITING_LIMIT) {
      this.parts.meter.dropped('word');
      return;
    }
    if (this.count++ === 0) queueMicrotask(this.flush);
    if (this.toAll !== (key === ALL)) this.endRun();
    this.toAll = key === ALL;
    let batch = this.gathering.get(key);
    if (!batch || batch.size >= BODY_GOAL) {
      if (batch) this.waiting.push(batch);
      batch = { key, texts: [], size: 0 };
      this.gathering.set(key, batch);
    }
    const text = JSON.stringify(word);
    batch.texts.push(text);
    batch.size += text.length;
  }

  /** Sends the backlog, if the socket has room. */
  readonly flush = (): void => {
    this.endRun();
    const publisher = this.parts.publisher();
    while (publisher?.hasRoom && this.waiting.length > 0) {
      const batch = this.waiting.shift();
      if (batch) this.send(publisher, batch);
    }
  };

  /** The link is lost, and with it the words that were not sent. */
  lost(): void {
    if (this.count > 0) this.parts.meter.dropped('word', this.count);
    this.gathering.clear();
    this.waiting = [];
    this.count = 0;
  }

  private endRun(): void {
    this.waiting.push(...this.gathering.values());
    this.gathering.clear();
  }

  private send(publisher: Publisher, { key, texts }: Batch): void {
    this.count -= texts.length;
    const options = {
      contentType: 'application/json',
      headers: VERSIONED,
      type: NODE_WORDS,
      appId: this.parts.nodeId,
    };
    const body = Buffer.from(`[${texts.join(',')}]`);
    // Not persistent, not mandatory, and not retried if it is lost.
    publisher.publish({ exchange: NODES, key, body, options }, () => undefined);
  }
}
