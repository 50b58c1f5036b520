import { notDelivered, type Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import type { Clock, Meter } from '../../../engine/ports.js';
import { partitionOf, slotOf } from '../../../engine/slots.js';
import { Lanes, type Load } from './lanes.js';
import { createPending, type Batch, type Request } from './pending.js';
import type { Part } from '../connection/link.js';
import { openPublisher, type Publisher } from '../connection/publisher.js';
import { openAnswersIn } from './answers-in.js';
import type { IsNewer } from '../newer.js';
import { COMMANDS } from '../topology.js';
import { BODY_LIMIT, NODE_COMMANDS, VERSIONED } from '../wire.js';

export interface Requests extends Part {
  add(command: Command, onAnswer: (answer: Answer) => void): void;
  /** Sends the backlog, if anything can be sent. */
  flush(): void;
  /** Answers every command with `unavailable`, those that have no answer yet and all that come later. */
  refuseAll(): void;
  /** Commands without an answer. */
  readonly pending: number;
  /** Commands that are not sent yet. */
  readonly buffered: number;
}

interface Parts {
  readonly nodeId: string;
  readonly partitions: number;
  readonly replyTimeoutMs: number;
  readonly bufferLimit: number;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly isNewer: IsNewer;
  /** Why nothing can be sent now, or null. */
  readonly reason: () => string | null;
  readonly broken: (reason: string) => void;
}

/** Commands without an answer; more are refused, so that a home that does not answer costs a bounded amount of memory. */
const PENDING_LIMIT = 100_000;
/** For clients. The reason, which names the broker, is in `state` and in the log. */
const AWAY = 'rooms cannot be reached now';

/** The broker does not say why it refuses a message. Nearly always the queue is full, see COMMAND_BYTES. */
const FULL = 'no more commands for this room are taken now, because too many wait; try again later';

/**
 * Sends this node's commands to their rooms, and gives each the one answer that it gets.
 *
 * Commands of one turn of the event loop go out in one message per partition. The order of the calls is kept in each
 * partition, also over a lost connection: commands that were not confirmed are retried before others are sent.
 */
export function createRequests(parts: Parts): Requests {
  const { clock, meter, replyTimeoutMs } = parts;
  const pending = createPending(clock, replyTimeoutMs, timedOut);
  const lanes = new Lanes(parts.partitions);
  const batches = new Map<string, Batch>();
  let publisher: Publisher | null = null;
  let replyTo = '';
  let sent = 0;
  let scheduled = false;
  let closed = false;

  function add(command: Command, onAnswer: (answer: Answer) => void): void {
    const refusal = closed ? 'the broker is closed' : overflow();
    if (refusal !== null) {
      queueMicrotask(() => onAnswer(unavailable(refusal, command, 'no')));
      return;
    }
    const partition = partitionOf(slotOf(command.room_id), parts.partitions);
    const deadline = clock.elapsed() + replyTimeoutMs;
    const request: Request = {
      ...{ command, partition, onAnswer, deadline },
      ...{ state: 'waiting', batch: null, isRetry: false },
    };
    pending.add(request);
    lanes.add(request);
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  }

  function overflow(): string | null {
    if (lanes.size < parts.bufferLimit && pending.size < PENDING_LIMIT) return null;
    meter.dropped('command_buffer_full');
    const why = parts.reason() === null ? 'too many commands wait for their rooms' : AWAY;
    return `${why}; nothing was accepted, try again in a second`;
  }

  function flush(): void {
    scheduled = false;
    while (publisher?.hasRoom && parts.reason() === null) {
      const load = lanes.take();
      if (load === null) return;
      send(publisher, load);
    }
  }

  function send(to: Publisher, { requests, body }: Load): void {
    if (body.length <= BODY_LIMIT) {
      publish(to, requests, body);
      return;
    }
    const message = `the command has ${body.length} bytes; at most ${BODY_LIMIT} are carried`;
    for (const one of requests) end(one, notDelivered('no', { code: 'payload_too_large', message }));
  }

  function publish(to: Publisher, requests: readonly Request[], body: Buffer): void {
    const batch: Batch = { id: `${parts.nodeId}/${++sent}`, requests, open: requests.length };
    batches.set(batch.id, batch);
    for (const request of requests) Object.assign(request, { state: 'sent', batch });
    const key = String(requests[0]?.partition);
    const options = {
      persistent: true,
      mandatory: true,
      contentType: 'application/json',
      headers: VERSIONED,
      type: NODE_COMMANDS,
      appId: parts.nodeId,
      messageId: batch.id,
      correlationId: batch.id,
      replyTo,
    };
    to.publish({ exchange: COMMANDS, key, body, options }, (outcome) => {
      // It is retried over the next connection, unless it has timed out by then.
      if (outcome === 'lost') return;
      for (const request of batch.requests) {
        if (request.state === 'over') continue;
        if (outcome === 'confirmed') request.state = 'safe';
        else if (outcome === 'refused') {
          meter.dropped('command_refused_by_broker');
          end(request, unavailable(FULL, request.command, 'perhaps'));
        } else {
          const isThere = request.isRetry ? 'perhaps' : 'no';
          end(request, unavailable('no queue takes commands of this room', request.command, isThere));
        }
      }
    });
  }

  function answered(id: string, answers: readonly (readonly [number, Answer])[]): void {
    const batch = batches.get(id);
    if (!batch) return;
    for (const [position, answer] of answers) {
      const request = batch.requests[position];
      if (request) end(request, answer);
    }
  }

  function end(request: Request, answer: Answer): void {
    const { state, batch } = request;
    if (state === 'over') return;
    if (state === 'waiting') lanes.remove(request);
    request.state = 'over';
    pending.remove(request);
    if (batch && --batch.open === 0) {
      batches.delete(batch.id);
      batch.requests = [];
    }
    request.onAnswer(answer);
  }

  function timedOut(request: Request): void {
    giveUp(request, parts.reason() === null ? 'the broker did not confirm the command in time' : AWAY);
  }

  /** Answers a request that its room has not answered. */
  function giveUp(request: Request, why: string): void {
    const { state, command } = request;
    end(request, state === 'safe' ? { type: 'queued' } : unavailable(why, command, reached(request)));
  }

  return {
    add,
    flush,
    async open({ consuming, publishing }) {
      replyTo = await openAnswersIn(consuming, { ...parts, onAnswers: answered });
      publisher = await openPublisher(publishing, { onRoom: flush, broken: parts.broken });
    },
    lost() {
      publisher = null;
      // Confirmed commands stay in their queues, but the queue for their answers is gone: they will be answered `queued`.
      const sentOnly = [...batches.values()].flatMap(({ requests }) =>
        requests.filter(({ state }) => state === 'sent'),
      );
      batches.clear();
      for (const request of sentOnly)
        Object.assign(request, { state: 'waiting', batch: null, isRetry: true });
      lanes.putBack(sentOnly);
    },
    close: async () => publisher?.close(),
    refuseAll() {
      flush();
      closed = true;
      pending.stop();
      for (const request of pending.all())
        giveUp(request, 'this node goes down before the room has answered');
      batches.clear();
    },
    get pending() {
      return pending.size;
    },
    get buffered() {
      return lanes.size;
    },
  };
}

/** Whether a command that was not confirmed may have reached its room. */
function reached({ state, isRetry }: Request): 'no' | 'perhaps' {
  return state === 'waiting' && !isRetry ? 'no' : 'perhaps';
}

function unavailable(why: string, { type }: Command, reached: 'no' | 'perhaps'): Answer {
  const hint = type === 'post' ? '; send it again with the same id: it cannot be posted twice' : '';
  return notDelivered(reached, { code: 'unavailable', message: why + hint });
}
