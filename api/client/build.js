/**
 * Makes the package for npm in dist/package: `node api/client/build.js`. One minified ES module for each of `parlor/client` and
 * `parlor/react`, which bundlers and `<script type="module">` take alike; the types; and a package.json that has no
 * dependencies, since the server's are of no use to a page. `npm pack ./dist/package` packs it.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath, URL } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OUT = `${ROOT}dist/package`;

/** `parlor/react` uses `parlor/client` as it is, so that a page has it once. */
const clientIsApart = {
  name: 'client-is-apart',
  resolveId: (id) => (id === '../index.js' ? { id: './client.js', external: true } : null),
};

async function bundle(input, file, plugins = []) {
  const build = await rolldown({ input: `${ROOT}api/client/${input}`, external: ['react'], plugins });
  await build.write({
    file: `${OUT}/${file}`,
    format: 'esm',
    minify: true,
    sourcemap: true,
    comments: false,
  });
  await build.close();
}

function manifest() {
  const { name, version, license, peerDependencies, peerDependenciesMeta, exports } = JSON.parse(
    readFileSync(`${ROOT}package.json`, 'utf8'),
  );
  return {
    name,
    version,
    description: 'The client of Parlor, a self-hosted chat engine, for browsers and Node',
    license,
    type: 'module',
    sideEffects: false,
    engines: { node: '>=20' },
    exports: JSON.parse(JSON.stringify(exports).replaceAll('./dist/package/', './')),
    peerDependencies,
    peerDependenciesMeta,
  };
}

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
await bundle('index.ts', 'client.js');
await bundle('react/index.ts', 'react.js', [clientIsApart]);
execFileSync(
  process.execPath,
  [
    `${ROOT}node_modules/typescript/bin/tsc`,
    '--project',
    `${ROOT}api/client/tsconfig.json`,
    '--emitDeclarationOnly',
    '--outDir',
    `${OUT}/types`,
  ],
  { stdio: 'inherit' },
);
writeFileSync(`${OUT}/package.json`, `${JSON.stringify(manifest(), null, 2)}\n`);
copyFileSync(`${ROOT}api/client/README.md`, `${OUT}/README.md`);
copyFileSync(`${ROOT}LICENSE`, `${OUT}/LICENSE`);
