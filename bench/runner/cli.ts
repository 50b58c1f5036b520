import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** In the order of the command line; empty: all. */
  readonly scenarios: readonly string[];
  /** Null: those of each scenario. */
  readonly targets: readonly string[] | null;
  readonly long: boolean;
  /** Rounds; null: as many as each scenario has for its version. */
  readonly pairs: number | null;
  /** The measured window; null: that of each scenario. */
  readonly seconds: number | null;
  /** Whether results are written into files. */
  readonly write: boolean;
}

export type Parsed =
  | { readonly type: 'help' }
  | { readonly type: 'stores' }
  | { readonly type: 'run'; readonly options: BenchOptions };

/** A command line that cannot be understood; its message says what can be. */
export class UsageError extends Error {}

/** What there is to choose from. */
export interface Known {
  readonly scenarios: readonly string[];
  readonly targets: readonly string[];
}

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  long: { type: 'boolean' },
  quick: { type: 'boolean' },
  'no-write': { type: 'boolean' },
  targets: { type: 'string' },
  pairs: { type: 'string' },
  seconds: { type: 'string' },
} as const;

/** Understands the command line, or throws a UsageError of one line that names what is known. */
export function parseCommandLine(args: readonly string[], known: Known): Parsed {
  const { values, positionals } = parse(args);
  if (values.help === true) return { type: 'help' };
  if (positionals.includes('stores')) {
    if (args.length > 1)
      throw new UsageError(
        'stores is a benchmark of its own and takes no more words; its settings come from the environment',
      );
    return { type: 'stores' };
  }
  if (values.long === true && values.quick === true)
    throw new UsageError('--long and --quick exclude each other');
  for (const name of positionals) demand('scenario', name, [...known.scenarios, 'stores']);
  const targets = values.targets === undefined ? null : listOf(values.targets);
  for (const name of targets ?? []) demand('target', name, known.targets);
  return {
    type: 'run',
    options: {
      scenarios: [...new Set(positionals)],
      targets,
      long: values.long === true,
      pairs: values.pairs === undefined ? null : positive('pairs', values.pairs, true),
      seconds: values.seconds === undefined ? null : positive('seconds', values.seconds, false),
      write: values['no-write'] !== true,
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // Node's text goes on about how to pass words that begin with a dash.
    throw new UsageError(`${(error as Error).message.split('.')[0]}; --help shows what there is`);
  }
}

function listOf(text: string): string[] {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (items.length === 0) throw new UsageError('--targets needs names with commas between');
  return [...new Set(items)];
}

function demand(what: string, name: string, names: readonly string[]): void {
  if (!names.includes(name))
    throw new UsageError(`there is no ${what} ${name}; there are: ${names.join(', ')}`);
}

function positive(name: string, text: string, whole: boolean): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0) || value > 86_400 || (whole && !Number.isInteger(value)))
    throw new UsageError(
      `--${name} takes a ${whole ? 'whole ' : ''}number above 0, not ${JSON.stringify(text)}`,
    );
  return value;
}

/** The command that runs one scenario again as it was run. */
export function commandOf(scenario: string, { long, targets, pairs, seconds }: BenchOptions): string {
  const words = [
    scenario,
    ...(long ? ['--long'] : []),
    ...(targets ? [`--targets ${targets.join(',')}`] : []),
    ...(pairs === null ? [] : [`--pairs ${pairs}`]),
    ...(seconds === null ? [] : [`--seconds ${seconds}`]),
  ];
  return words.length === 1 ? `make bench ARGS=${scenario}` : `make bench ARGS='${words.join(' ')}'`;
}

/** What --help prints. */
export function helpText(
  scenarios: readonly { name: string; title: string; onlyLong: boolean }[],
  targets: readonly string[],
): string {
  const width = Math.max('stores'.length, ...scenarios.map(({ name }) => name.length));
  const lines = scenarios.map(
    ({ name, title, onlyLong }) =>
      `  ${name.padEnd(width)}  ${title}${onlyLong ? ' (only by name or with --long)' : ''}`,
  );
  return `Usage: make bench                                the short version of all scenarios, below 10 minutes
       make bench ARGS='[SCENARIO …] [OPTIONS]'  or: npm run bench -- [SCENARIO …] [OPTIONS]

Scenarios:
${lines.join('\n')}
  ${'stores'.padEnd(width)}  What keeping costs: memory, SQLite, PostgreSQL (only by name; see bench/stores.ts)

Options:
  --long             the long version: at least 5 pairs, longer windows
  --quick            the short version, which is the default
  --targets A,B,…    only these: ${targets.join(', ')}
  --pairs N          how many times the targets take turns
  --seconds S        the measured window of a run
  --no-write         print only; leave bench/results and bench/RESULTS.md as they are
  --help             this

Writes bench/results/<scenario>.json and .svg, and bench/RESULTS.md from all of these files.
The exit code is 1 if a run failed, 2 if the command line was not understood.
`;
}
