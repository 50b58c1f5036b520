import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { runCommand } from './support/command.js';
import { codeOf } from './support/markdown.js';
import { startParlor } from './support/parlor.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
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

for (const [page, name] of [
  ['README.md', 'hello.mjs'],
  ['api/client/README.md', 'first.mjs'],
] as const) {
  t.test(`the client in ${page} works when it is pasted, in a room that is new`, async (t) => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    const [code] = codeOf(text.slice(text.indexOf(`<!-- ${name} -->`)), 'js');
    t.ok(code?.includes(ADDRESS));
    const parlor = await startParlor();
    t.teardown(() => parlor.end());
    // Inside the repository, where `parlor/client` is found.
    const folder = mkdtempSync(join(ROOT, 'dist/pasted-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const file = join(folder, name);
    writeFileSync(file, String(code).replace(ADDRESS, parlor.http));
    const pasted = runCommand(`exec node ${file}`);
    t.teardown(() => pasted.end());
    await pasted.says(/alice: Hello\n/);
    await pasted.says(/^1 messages so far$/m);
    const bob = await parlor.join('42', 'user=bob');
    bob.send({ type: 'post', text: 'Hi alice' });
    await pasted.says(/bob: Hi alice\n/);
    t.match(pasted.said(), /here: alice, bob/);
  });
}
