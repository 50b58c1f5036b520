import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { codeOf } from './support/markdown.js';
import { startParlor } from './support/parlor.js';

const readme = readFileSync(join(fileURLToPath(new URL('../../', import.meta.url)), 'README.md'), 'utf8');
const ADDRESS = 'http://127.0.0.1:8000';

t.test('the README can be read in one go: it has at most 250 lines', async (t) => {
  t.ok(readme.split('\n').length <= 251);
});

t.test('every curl command in the README succeeds when it is pasted, one after the other', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const alice = await parlor.join('42', 'user=alice');
  const commands = codeOf(readme, 'sh').flatMap((code) =>
    code.split('\n').filter((line) => line.startsWith('curl ')),
  );
  t.ok(commands.length > 5);
  for (const command of commands) {
    t.ok(command.includes(ADDRESS), command);
    const here = command.replace(ADDRESS, parlor.http).replace(/^curl/, 'curl --silent --show-error --fail');
    await t.resolves(promisify(execFile)('sh', ['-c', here]), command);
  }
  t.match(await alice.next('message'), { user: 'bob', text: 'Hello' });
});
