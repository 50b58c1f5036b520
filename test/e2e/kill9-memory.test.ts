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
  for (const kind of ['lost', 'vanished', 'head_went_back'])
    t.ok(
      violations.some((one) => one.kind === kind),
      kind,
    );
});
