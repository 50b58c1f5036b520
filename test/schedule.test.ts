import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { schedule, SCHEDULED } from './schedule.js';

const files = readdirSync(dirname(fileURLToPath(import.meta.url)), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.js'))
  .sort();

t.test('every test file is run, and once', (t) => {
  const queues = new Set(schedule(files).flat(2));
  t.same([...queues].flat().sort(), files);
  t.end();
});

t.test('every name in the schedule is that of a test file', (t) => {
  t.same(
    SCHEDULED.filter((name) => !files.includes(`${name}.test.js`)),
    [],
  );
  t.equal(new Set(SCHEDULED).size, SCHEDULED.length, 'no name is there twice');
  t.end();
});
