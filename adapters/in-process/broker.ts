import { notDelivered, type Answer } from '../../engine/messages/answers.js';
import type { Command } from '../../engine/messages/commands.js';
import type { Broker, BrokerHandlers, Clock, Delivery, Session } from '../../engine/ports.js';

/** Commands that may be pending; more are refused at once. */
const PENDING_LIMIT = 200_000;

/**
 * The broker of a single process, which is the home of all rooms: commands, events and words are passed on as they are.
 * Not durable: a command that cannot be carried out is answered `unavailable` and not redelivered. There is one session,
 * which does not end, no other node, and no link that could be lost: `missed`, `sessionEnded` and `nodeGone` are never
 * called.
 */
export function createInProcessBroker(options: { readonly clock: Clock }): Broker {
  let handlers: BrokerHandlers | null = null;
  let closed: string | null = 'not started';
  let emptied: (() => void)[] = [];
  /** Deliveries without an answer, in no order. Each knows its index, so that removing one is cheap. */
  const open: InProcessDelivery[] = [];

  function ended(delivery: InProcessDelivery): void {
    const last = open.pop();
    if (last !== undefined && last !== delivery) {
      last.place = delivery.place;
      open[last.place] = last;
    }
    if (open.length > 0) return;
    emptied.forEach((ready) => ready());
    emptied = [];
  }

  return {
    start(given) {
      handlers = given;
      closed = null;
      return Promise.resolve();
    },
    request(command, onAnswer) {
      if (closed !== null || handlers === null)
        return refuseLater(onAnswer, `the broker is ${closed ?? 'not started'}`);
      if (open.length >= PENDING_LIMIT)
        return refuseLater(onAnswer, 'too many commands are pending; try again in a second');
      const delivery = new InProcessDelivery(command, open.length, onAnswer, ended);
      open.push(delivery);
      handlers.command(delivery);
      delivery.requested = true;
    },
    publish(events) {
      handlers?.events(events);
      return DONE;
    },
    say: (word) => handlers?.word(word),
    nodes: () => NOBODY,
    subscribe: () => DONE,
    unsubscribe: () => undefined,
    state: () => ({
      kind: 'in-process',
      ready: closed === null,
      reason: closed,
      pending: open.length,
      buffered: 0,
      // One process is the home of all rooms.
      partitions: 1,
    }),
    drain(ms) {
      closed = 'draining';
      if (open.length === 0) return DONE;
      return new Promise((ready) => {
        emptied.push(ready);
        options.clock.after(ms, ready);
      });
    },
    close() {
      closed = 'closed';
      for (const delivery of [...open]) delivery.retry('the broker was closed');
      return DONE;
    },
  };
}

const DONE = Promise.resolve();
const NOBODY: ReadonlySet<string> = new Set();
/** It lasts as long as the process. */
const SESSION: Session = { isCurrent: true, mayFollowAnother: false };

function refuseLater(onAnswer: (answer: Answer) => void, reason: string): void {
  queueMicrotask(() => onAnswer(notDelivered('no', { code: 'unavailable', message: reason })));
}

class InProcessDelivery implements Delivery {
  readonly session = SESSION;
  readonly redelivered = false;
  /** Without redelivery there is nothing to wait for: `retry` refuses the command. */
  readonly mustWait = false;
  /** Whether `request` has returned: its caller must not be answered before that. */
  requested = false;
  private settled = false;

  constructor(
    readonly command: Command,
    /** Its index in the list of deliveries without an answer. */
    public place: number,
    private readonly onAnswer: (answer: Answer) => void,
    private readonly ended: (delivery: InProcessDelivery) => void,
  ) {}

  settle(answer: Answer): void {
    if (this.settled) return;
    this.settled = true;
    this.ended(this);
    if (this.requested) this.onAnswer(answer);
    else queueMicrotask(() => this.onAnswer(answer));
  }

  retry(reason: string): void {
    const message = `${reason}; send it again with the same id`;
    this.settle(notDelivered('no', { code: 'unavailable', message }));
  }
}
