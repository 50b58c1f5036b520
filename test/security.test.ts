import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';

t.test('each test that SECURITY.md names is there', (t) => {
  const named = readFileSync('SECURITY.md', 'utf8').match(/test\/[\w/.-]+\.test\.ts/g) ?? [];
  t.ok(named.length > 20);
  t.same(
    named.filter((file) => !existsSync(file)),
    [],
  );
  t.end();
});
