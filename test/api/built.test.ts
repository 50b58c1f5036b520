import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const SERVER = fileURLToPath(new URL('../../server/', import.meta.url));

/** The text of a built file and of all that is loaded with it. */
function loadedWith(file: string, seen = new Map<string, string>()): Map<string, string> {
  if (seen.has(file)) return seen;
  const text = readFileSync(SERVER + file, 'utf8');
  seen.set(file, text);
  for (const [, name] of text.matchAll(/^(?:import|export) .*?from "\.\/(.+?)"|^import "\.\/(.+?)"/gm))
    if (name !== undefined) loadedWith(name, seen);
  return seen;
}

/** Packages whose code is in these files: the bundler writes in front of each module where it is from. */
function packagesIn(texts: Iterable<string>): Set<string> {
  const found = new Set<string>();
  for (const text of texts)
    for (const [, name] of text.matchAll(/^\/\/ node_modules\/((?:@[^/]+\/)?[^/]+)/gm))
      if (name !== undefined) found.add(name);
  return found;
}

t.test('a thread of SQLite loads no package but libsql: it starts in 60 instead of 200 ms', (t) => {
  const files = loadedWith('worker.js');
  t.ok(files.size > 3, [...files.keys()].join());
  t.same([...packagesIn(files.values())], []);
  t.end();
});

t.test('the program is bundled, but not what has files beside its code', (t) => {
  const packages = packagesIn(readdirSync(SERVER).map((file) => readFileSync(SERVER + file, 'utf8')));
  t.ok(packages.has('@sinclair/typebox'), [...packages].join());
  for (const name of ['uWebSockets.js', 'libsql', '@fastify/swagger-ui']) t.notOk(packages.has(name), name);
  t.end();
});
