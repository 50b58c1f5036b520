/**
 * Makes the program of what tsc has compiled: `node api/build.js` writes dist/server, which `parlor`, `make run` and the image
 * start. With some six hundred modules, read one by one, it took 1.28 s from `make run` to the first answer; with these few files it
 * takes 0.72 s (bench/NOTES.md).
 *
 * Names, lines and comments stay as they are, so that a stack trace can be read. dist/server lies as deep as dist/api,
 * because the program finds package.json and dist/page by their place.
 */
import { rmSync } from 'node:fs';
import { fileURLToPath, URL } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = `${ROOT}dist/server`;
/** They have binaries or files beside their code, which they look for by its place; pg tries pg-native, which is not installed. */
const WITH_FILES = ['uWebSockets.js', 'libsql', '@fastify/swagger-ui', 'pg-native'];

rmSync(OUT, { recursive: true, force: true });
const build = await rolldown({
  // The thread of SQLite is started as `./worker.js`.
  input: { main: `${ROOT}dist/api/main.js`, worker: `${ROOT}dist/adapters/sqlite/worker.js` },
  platform: 'node',
  external: WITH_FILES,
});
await build.write({ dir: OUT, format: 'esm', chunkFileNames: '[name].js' });
await build.close();
