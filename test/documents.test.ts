import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ERRORS } from '../engine/errors.js';
import { SERVER_FRAMES } from '../engine/messages/frames.js';
import { Policy } from '../engine/messages/policy.js';
import { anchorsOf, linksOf, proseOf } from './support/markdown.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** What is installed, built or left behind is no part of the project. */
const NOT_OURS = ['node_modules', 'dist', 'data', 'fuzz-findings'];

/** Files of the project with this ending, as paths from its root. */
function files(ending: string, folder = ROOT): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return NOT_OURS.includes(entry.name) || entry.name.startsWith('.') ? [] : files(ending, path);
    return entry.name.endsWith(ending) ? [relative(ROOT, path)] : [];
  });
}

const pages = files('.md');

t.test('every link and anchor in a page leads somewhere', async (t) => {
  t.ok(pages.length > 10);
  let checked = 0;
  for (const page of pages) {
    for (const { target, line } of linksOf(read(page))) {
      if (/^(https?|mailto):/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), decodeURI(path));
      checked++;
      if (!existsSync(join(ROOT, file))) t.fail(`${page}:${line} links to ${file}, which is not there`);
      else if (anchor !== undefined && !(file.endsWith('.md') && anchorsOf(read(file)).includes(anchor)))
        t.fail(`${page}:${line} links to #${anchor}, which ${file} does not have`);
    }
  }
  t.ok(checked > 30, `${checked} links`);
});

t.test('every page in docs/ can be reached from the README', async (t) => {
  const reached = new Set<string>();
  const follow = (page: string): void => {
    if (reached.has(page) || !page.endsWith('.md')) return;
    reached.add(page);
    for (const { target } of linksOf(read(page))) {
      const file = join(dirname(page), target.split('#')[0] ?? '');
      if (existsSync(join(ROOT, file)) && statSync(join(ROOT, file)).isFile()) follow(file);
    }
  };
  follow('README.md');
  t.same(
    pages.filter((page) => page.startsWith('docs/') && !reached.has(page)),
    [],
  );
});

t.test('every page that the sources and scripts name is there', async (t) => {
  const sources = [...files('.ts'), 'Makefile', 'Dockerfile', 'docker-compose.yml'];
  for (const source of sources) {
    for (const [page] of read(source).matchAll(/\b(?:docs|bench)\/[\w-]+\.md\b/g))
      t.ok(existsSync(join(ROOT, page)), `${source} names ${page}`);
  }
});

t.test('no line of the documentation is in two places', async (t) => {
  const places = new Map<string, string>();
  for (const page of pages.filter((page) => page === 'README.md' || page.startsWith('docs/'))) {
    for (const [index, text] of proseOf(read(page)).entries()) {
      if (text.length < 60) continue;
      const [here, before] = [`${page}:${index + 1}`, places.get(text)];
      if (before) t.fail(`${before} and ${here} are the same`);
      places.set(text, here);
    }
  }
  t.ok(places.size > 200);
});

t.test('docs/wire.md has every error as the table of codes has it', async (t) => {
  const page = read('docs/wire.md');
  for (const [code, { http, close, retry, title }] of Object.entries(ERRORS)) {
    const row = `| \`${code}\` | ${http} | ${close} | ${retry ? 'yes' : 'no'} | ${title} |`;
    t.ok(page.includes(row), row);
  }
});

t.test(
  'docs/wire.md names every frame, docs/access.md the one for tokens, docs/policy.md every field',
  async (t) => {
    const frames = read('docs/wire.md') + read('docs/access.md');
    for (const name of Object.keys(SERVER_FRAMES)) t.ok(frames.includes(`\`${name}\``), name);
    const policy = read('docs/policy.md');
    for (const name of Object.keys(Policy.properties)) t.ok(policy.includes(`| \`${name}\` |`), name);
  },
);
