import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { publint } from 'publint';
import { rolldown } from 'rolldown';
import t from 'tap';
import { gzipSync } from 'node:zlib';

/** What `make build` has made of api/client. */
const PACKAGE = resolve('dist/package');
/** The most that a page loads of each file, bytes after gzip. */
const MOST = { 'client.js': 8 * 1_024, 'react.js': 4 * 1_024 };

t.setTimeout(110_000);
// Below the repository, so that React's types are found.
const place = mkdtempSync(resolve('dist/consumer-'));
t.teardown(() => rmSync(place, { recursive: true }));
const npm = (...args: string[]): string =>
  execFileSync('npm', [...args], { cwd: place, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const [packed] = JSON.parse(npm('pack', PACKAGE, '--json')) as [
  { filename: string; files: { path: string }[] },
];
const tarball = join(place, basename(packed.filename));
const installed = join(place, 'node_modules/parlor');
mkdirSync(installed, { recursive: true });
execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);

t.test('each file is as small as it has to be', async (t) => {
  for (const [name, most] of Object.entries(MOST)) {
    // The way to the source map is for developers' tools.
    const code = readFileSync(join(PACKAGE, name), 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '');
    const size = gzipSync(code, { level: 9 }).length;
    t.ok(size <= most, `${name}: ${size} of ${most} bytes`);
  }
});

t.test('the package holds what it needs, and depends on nothing', async (t) => {
  const paths = packed.files.map(({ path }) => path).filter((path) => !/^types\/.*\.d\.ts$/.test(path));
  t.same(paths.sort(), [
    'LICENSE',
    'README.md',
    'client.js',
    'client.js.map',
    'package.json',
    'react.js',
    'react.js.map',
  ]);
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  t.equal(manifest['dependencies'], undefined);
  t.same(manifest['peerDependencies'], { react: '>=18' });
  t.same(manifest['peerDependenciesMeta'], { react: { optional: true } }, 'only for parlor/react');
});

t.test('a page can load it as it is: one module without imports', async (t) => {
  t.notMatch(readFileSync(join(PACKAGE, 'client.js'), 'utf8'), /\bimport\b|\bfrom\s*["'`]/);
  const imports = readFileSync(join(PACKAGE, 'react.js'), 'utf8').matchAll(/from\s*["'](.*?)["']/g);
  t.same(
    Array.from(imports, ([, name]) => name),
    ['react', './client.js'],
  );
});

t.test('publint and arethetypeswrong find nothing', async (t) => {
  const { messages } = await publint({ pkgDir: PACKAGE, strict: true });
  t.same(messages, []);
  const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
  if (!analysis.types) throw new Error('it has no types');
  // For ES modules only: neither `require` nor what resolved modules before there were `exports`.
  const problems = analysis.problems.filter(
    (problem) => !('resolutionKind' in problem && /node10|node16-cjs/.test(problem.resolutionKind)),
  );
  t.same(problems, []);
});

const CONSUMER = `
import { createElement, type ReactNode } from 'react';
import { connect, indexedDbOutbox, ParlorError, RoomFullError, type Message, type Room } from 'parlor/client';
import { ParlorProvider, useConnection, useMembers, useMessages, useRoom, useTyping } from 'parlor/react';

const parlor = connect('http://127.0.0.1:8000', {
  getToken: () => Promise.resolve('token'),
  WebSocket,
  outbox: indexedDbOutbox('alice'),
});
const room: Room = parlor.room('42');
const away: () => void = room.on('message', ({ user, text, seq }) => void [user?.length, text.length, seq.toFixed()]);
room.on('gap', ({ after, before }) => after - before);
parlor.on('status', ({ status }) => status === 'lost');
// @ts-expect-error -- there is no such event
room.on('massage', () => undefined);
away();
export async function talk(): Promise<Message[]> {
  try {
    const { seq } = await room.post('Hello');
    seq?.toFixed();
  } catch (error) {
    if (error instanceof RoomFullError && error.retry) setTimeout(talk, error.retryAfterMs ?? 0);
    if (!(error instanceof ParlorError)) throw error;
  }
  const all: Message[] = [];
  for await (const message of room) all.push(message);
  return all;
}
function Chat({ id }: { id: string }): ReactNode {
  const { messages, post, loadOlder, hasOlder } = useMessages(id, { pageSize: 20 });
  const { users, typing } = useTyping(id);
  void [post('x'), loadOlder(), hasOlder, typing(), useConnection().status, useMembers(id).members, useRoom(id).error];
  return [...users, ...messages.map(({ text, state }) => text + (state ?? ''))].join();
}
export const App = (): ReactNode =>
  createElement(ParlorProvider, { url: '/', options: { user: 'alice' } }, createElement(Chat, { id: '42' }));
`;

t.test('a strict consumer compiles, whatever its module resolution', async (t) => {
  writeFileSync(join(place, 'consumer.ts'), CONSUMER);
  writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
  for (const [module, moduleResolution] of [
    ['NodeNext', 'NodeNext'],
    ['ESNext', 'Bundler'],
  ] as const) {
    const compilerOptions = {
      module,
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
      verbatimModuleSyntax: true,
      target: 'ES2022',
      lib: ['ES2022', 'DOM', 'DOM.Iterable'],
      types: [],
      noEmit: true,
    };
    writeFileSync(
      join(place, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, include: ['consumer.ts'] }),
    );
    const tsc = resolve('node_modules/typescript/bin/tsc');
    t.doesNotThrow(() => execFileSync(process.execPath, [tsc, '-p', place], { encoding: 'utf8' }), module);
  }
});

t.test('Node and a bundler load it', async (t) => {
  writeFileSync(
    join(place, 'main.js'),
    `import { connect, ParlorError } from 'parlor/client';
     const parlor = connect('http://127.0.0.1:9', { lazy: true });
     console.log(parlor.status, ParlorError.name.length > 0);`,
  );
  t.equal(execFileSync(process.execPath, ['main.js'], { cwd: place, encoding: 'utf8' }), 'closed true\n');
  const bundle = await rolldown({ input: join(place, 'main.js') });
  const { output } = await bundle.generate({ format: 'esm' });
  t.equal(output.length, 1);
  t.same(output[0].imports, []);
});
