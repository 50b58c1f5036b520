import type { Refusal } from './errors.js';
import { notDelivered, type Answer } from './messages/answers.js';
import type { JoinCommand } from './messages/commands.js';
import type { Broker, Clock } from './ports.js';

/**
 * Joins of this node that may be on their way to their rooms at once. When 50,000 clients come back at once, all at once
 * would wait for each other longer than the broker lets anybody wait: all would be refused, and carried out in vain, while
 * the clients try again. This many are answered in time also on a busy machine; with 1,000 not all were (bench/SCALE.md).
 */
const UNDER_WAY = 300;

/** How long a join waits here, ms: proxies and browsers give a silent connection up after 60 s or more. */
const WAIT_MS = 30_000;

const CROWDED: Refusal = {
  code: 'unavailable',
  message: 'too many are coming in now; come back in a moment',
};

/** The way of this node's joins to the broker. */
export interface JoinQueue {
  /** Asks for a seat, as `Broker.request` does, when it is its turn; `unavailable` if that is not in time. */
  ask(command: JoinCommand, onAnswer: (answer: Answer) => void): void;
  /** The connection has left the room. True if its join waited here: it will not be sent. */
  cancel(roomId: string, connectionId: string): boolean;
  /** Joins that wait for their turn. */
  readonly waiting: number;
}

interface Waiting {
  readonly command: JoinCommand;
  readonly onAnswer: (answer: Answer) => void;
  /** Monotonic, ms. */
  readonly until: number;
}

export function createJoinQueue(broker: Broker, clock: Clock): JoinQueue {
  /** By room and connection, in the order in which they were asked. */
  const waiting = new Map<string, Waiting>();
  let underWay = 0;
  let cancelSweep: (() => void) | null = null;

  function send(command: JoinCommand, onAnswer: (answer: Answer) => void): void {
    underWay++;
    broker.request(command, (answer) => {
      underWay--;
      sendNext();
      onAnswer(answer);
    });
  }

  function sendNext(): void {
    for (const [key, { command, onAnswer }] of waiting) {
      if (underWay >= UNDER_WAY) return;
      take(key);
      send(command, onAnswer);
    }
  }

  function take(key: string): boolean {
    const waited = waiting.delete(key);
    if (waiting.size === 0) endSweep();
    return waited;
  }

  function endSweep(): void {
    cancelSweep?.();
    cancelSweep = null;
  }

  /** All wait equally long, so the first in line is the first whose time is over. */
  function sweep(): void {
    cancelSweep = null;
    const now = clock.elapsed();
    for (const [key, { until, onAnswer }] of waiting) {
      if (until > now) {
        wakeAt(until);
        return;
      }
      waiting.delete(key);
      onAnswer(notDelivered('no', CROWDED));
    }
  }

  function wakeAt(time: number): void {
    cancelSweep ??= clock.after(Math.max(1, time - clock.elapsed()), sweep);
  }

  return {
    ask(command, onAnswer) {
      // While the broker is away nothing makes room here, and it answers by itself.
      if (underWay < UNDER_WAY || !broker.state().ready) {
        send(command, onAnswer);
        return;
      }
      const until = clock.elapsed() + WAIT_MS;
      waiting.set(keyOf(command.room_id, command.connection_id), { command, onAnswer, until });
      wakeAt(until);
    },
    cancel: (roomId, connectionId) => take(keyOf(roomId, connectionId)),
    get waiting() {
      return waiting.size;
    },
  };
}

/** A connection may wait for many rooms. No room id has a space in it. */
function keyOf(roomId: string, connectionId: string): string {
  return `${roomId} ${connectionId}`;
}
