import { run } from '../../../api/run.js';
import type { Command } from '../../../engine/messages/commands.js';
import { seededRandom } from '../../support/random.js';

/**
 * The program with a fault in one room: what decides about posts for FAULTY_ROOM throws with the probability FAULT_RATE,
 * by dice that begin with FAULT_SEED, and at most FAULT_LIMIT times. With FAULT_AFTER=1 it throws when the decision is
 * taken already and on its way out.
 */
const { FAULTY_ROOM, FAULT_RATE, FAULT_SEED, FAULT_LIMIT, FAULT_AFTER } = process.env;
const dice = seededRandom(Number(FAULT_SEED));
let left = Number(FAULT_LIMIT);

function mayFail(command: Command): void {
  if (command.room_id !== FAULTY_ROOM || command.type !== 'post') return;
  if (left <= 0 || dice() >= Number(FAULT_RATE)) return;
  left -= 1;
  throw new Error(`the dice said so (${left} left)`);
}

await run(FAULT_AFTER === '1' ? { faultAfter: mayFail } : { fault: mayFail });
