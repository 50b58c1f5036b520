import { notDelivered, type Answer } from '../../engine/messages/answers.js';
import type { Command } from '../../engine/messages/commands.js';
import type { Broker, BrokerHandlers, Clock, Delivery, Session } from '../../engine/ports.js';

/** How many commands may be under way; beyond it they are refused at once. */
const UNDER_WAY = 200_000;

/**
 * The broker of a single process: every room's home is here, so commands, events and words are handed over as they are.
 * Not durable: what cannot be carried out is answered `unavailable`, never delivered again. There is one session, which
 * does not end, no other node, and no link that could be lost: so `missed`, `sessionEnded` and `nodeGone` are never told.
 */
export function createInProcessBroker(options: { readonly clock: Clock }): Broker {
  let handlers: BrokerHandlers | null = null;
  let closed: string | null = 'not started';
  let emptied: (() => void)[] = [];
  /** Those that are under way, in no order; each knows its place. */
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
      if (open.length >= UNDER_WAY)
        return refuseLater(onAnswer, 'too many commands are under way; try again in a second');
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
/** All of the process's life. */
const SESSION: Session = { isCurrent: true, mayFollowAnother: false };

function refuseLater(onAnswer: (answer: Answer) => void, reason: string): void {
  queueMicrotask(() => onAnswer(notDelivered('no', { code: 'unavailable', message: reason })));
}

class InProcessDelivery implements Delivery {
  readonly session = SESSION;
  readonly redelivered = false;
  /** What is given back here is refused: nothing comes again. */
  readonly mustWait = false;
  /** `request` has returned: before that its asker must not be answered. */
  requested = false;
  private settled = false;

  constructor(
    readonly command: Command,
    /** Where it stands among those that are under way. */
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
