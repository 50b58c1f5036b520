import { run } from '../../../api/main.js';
import { seededRandom } from './random.js';

/**
 * The program with a fault in one room: what decides for FAULTY_ROOM throws with the probability FAULT_RATE, by dice
 * that begin with FAULT_SEED, and at most FAULT_LIMIT times.
 */
const { FAULTY_ROOM, FAULT_RATE, FAULT_SEED, FAULT_LIMIT } = process.env;
const dice = seededRandom(Number(FAULT_SEED));
let left = Number(FAULT_LIMIT);

await run({
  fault(command) {
    if (command.room_id !== FAULTY_ROOM || command.type !== 'post') return;
    if (left <= 0 || dice() >= Number(FAULT_RATE)) return;
    left -= 1;
    throw new Error(`the dice said so (${left} left)`);
  },
});
