import fc from 'fast-check';
import t from 'tap';
import { play, steps } from './cluster/schedule.js';

/** RUNS=10000 SEED=… to look longer, or to see the same again; the default is made for CI. */
const RUNS = Number(process.env.RUNS ?? 400);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);

t.test(
  'whatever crashes, moves or is cut off: nobody who stays loses the seat, and in the end all know the same',
  { timeout: 0 },
  async (t) => {
    t.comment(`${RUNS} schedules, SEED=${SEED}`);
    const property = fc.asyncProperty(fc.nat(), steps, play);
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
  },
);
