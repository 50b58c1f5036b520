import { runSmoke } from './smoke.js';
import { runStores } from './stores.js';

/** The benchmarks by name: `make bench ARGS=stores`. Without a name the first one. */
const BENCHMARKS = { smoke: runSmoke, stores: runStores } as const;

const name = process.argv[2] ?? 'smoke';
if (!Object.hasOwn(BENCHMARKS, name)) {
  process.stderr.write(`bench: there is no ${name}; there are: ${Object.keys(BENCHMARKS).join(', ')}\n`);
  process.exit(2);
}
// So that what is done at the end of the process is done.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  await BENCHMARKS[name as keyof typeof BENCHMARKS]();
} catch (cause) {
  process.stderr.write(`bench: ${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exit(1);
}
