import { start, stop } from 'nact';
import { LoopTurns, NOT_LONG } from '../../engine/loop-turns.js';
import { Scheduler } from '../../engine/scheduler.js';
import { Mailbox, type Behaviour, type MailboxLimits } from '../../engine/mailbox.js';
import type { Teardown } from '../support/engine.js';

export interface Box {
  readonly mailbox: Mailbox<number>;
  /** Messages dealt with, by turn. */
  readonly batches: number[][];
  readonly crashes: [unknown, number | undefined][];
}

let names = 0;

/** An actor that keeps what it dealt with, turn by turn, and whatever crashed. Ends with the test. */
export function box(
  t: Teardown,
  limits: Partial<MailboxLimits> = {},
  more: Partial<Behaviour<number>> = {},
): Box {
  const system = start();
  t.teardown(async () => stop(system));
  const batches: number[][] = [];
  const crashes: Box['crashes'] = [];
  let batch: number[] = [];
  const mailbox = new Mailbox<number>(
    new Scheduler(system, `box-${++names}`, new LoopTurns(NOT_LONG)),
    { limit: 1_000, budgetMs: 10_000, ...limits },
    {
      receive(message) {
        more.receive?.(message);
        batch.push(message);
      },
      turnEnded() {
        batches.push(batch);
        batch = [];
        more.turnEnded?.();
      },
      crashed(cause, message) {
        crashes.push([cause, message]);
        more.crashed?.(cause, message);
      },
    },
  );
  return { mailbox, batches, crashes };
}
