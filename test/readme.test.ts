import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ERRORS } from '../engine/errors.js';
import { Policy } from '../engine/messages/policy.js';
import { SERVER_FRAMES } from '../engine/messages/frames.js';

const readme = readFileSync(join(fileURLToPath(new URL('../../', import.meta.url)), 'README.md'), 'utf8');

t.test('the README has every error as the table of codes has it', (t) => {
  for (const [code, { http, close, retry, title }] of Object.entries(ERRORS)) {
    const row = `| \`${code}\` | ${http} | ${close} | ${retry ? 'yes' : 'no'} | ${title} |`;
    t.ok(readme.includes(row), row);
  }
  t.end();
});

t.test('the README names every frame and every field of the policy', (t) => {
  for (const name of Object.keys(SERVER_FRAMES)) t.ok(readme.includes(`\`${name}\``), name);
  for (const name of Object.keys(Policy.properties)) t.ok(readme.includes(`| \`${name}\` |`), name);
  t.end();
});
