import { fileURLToPath } from 'node:url';
import t from 'tap';
import { check } from '../checker/check.js';
import { chosenRun, figures } from './support/kill-suite.js';
import { killRun } from './support/kill-run.js';

t.test('the kill run notices a store that forgets: what was answered is found to be lost', async (t) => {
  const { seed } = chosenRun();
  t.comment(`seed ${seed}`);
  const result = await killRun({ env: { STORE: 'memory' }, kills: 2, seed });
  for (const line of figures(result)) t.comment(line);
  const violations = check(result.history);
  // Not head_not_stored: a room that had more time after the last kill than before has more events in the end, too.
  for (const kind of ['lost', 'vanished', 'head_went_back'])
    t.ok(
      violations.some((one) => one.kind === kind),
      kind,
    );
});

t.test('the kill run notices a program that logs an error', async (t) => {
  const { seed } = chosenRun();
  t.comment(`seed ${seed}`);
  const main = fileURLToPath(new URL('support/faulty-main.js', import.meta.url));
  const fault = { FAULTY_ROOM: 'channel:kill-0', FAULT_RATE: '1', FAULT_SEED: '1', FAULT_LIMIT: '1' };
  const { errors } = await killRun({ env: { STORE: 'memory', ...fault }, kills: 1, seed, main });
  t.match(errors[0], /room: crashed in a decision/);
});
