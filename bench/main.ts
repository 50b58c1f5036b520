import { errorText } from '../engine/errors.js';
import { runBench } from './runner/bench.js';
import { helpText, parseCommandLine, UsageError } from './runner/cli.js';
import { SCENARIOS } from './scenarios/all.js';
import { SUBJECTS } from './scenarios/subjects.js';
import { runStores } from './stores.js';

/** `make bench ARGS='…'`; --help shows what there is. Resolves with the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const names = SCENARIOS.map(({ name }) => name);
  const parsed = parseCommandLine(args, { scenarios: names, targets: SUBJECTS });
  switch (parsed.type) {
    case 'help': {
      const listed = SCENARIOS.map(({ name, title, onlyLong = false }) => ({ name, title, onlyLong }));
      process.stdout.write(helpText(listed, SUBJECTS));
      return 0;
    }
    case 'stores':
      await runStores();
      return 0;
    case 'run': {
      const { options } = parsed;
      const named = (name: string): boolean => options.scenarios.includes(name);
      const chosen = SCENARIOS.filter(({ name, onlyLong }) =>
        options.scenarios.length > 0 ? named(name) : options.long || onlyLong !== true,
      );
      return runBench(chosen, options, names);
    }
  }
}

// So that what is done at the end of the process is done.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (cause) {
  process.stderr.write(`bench: ${errorText(cause)}\n`);
  process.exitCode = cause instanceof UsageError ? 2 : 1;
}
