import { checkAnswers } from './answers.js';
import type { History } from './history.js';
import { ledgerOf } from './ledger.js';
import { checkOrder } from './order.js';
import { checkPresence } from './presence.js';
import { checkReadings } from './readings.js';
import { checkRooms } from './rooms.js';
import { checkSeqs } from './seqs.js';
import { checkViews } from './views.js';
import type { Violation } from './violations.js';

/**
 * Everything in a history that breaks promise 1, 2, 3 or 4 of DESIGN 9 or the rules of seats, or that keeps them from
 * being checked; empty if they hold.
 */
export function check(history: History): Violation[] {
  const ledger = ledgerOf(history);
  return [
    ...checkReadings(history),
    ...checkSeqs(history),
    ...checkAnswers(ledger),
    ...checkRooms(ledger),
    ...checkViews(ledger),
    ...checkOrder(ledger),
    ...checkPresence(history),
  ];
}
