import t from 'tap';
import {
  commandOf,
  helpText,
  parseCommandLine,
  UsageError,
  type BenchOptions,
} from '../../bench/runner/cli.js';

const KNOWN = { scenarios: ['fan-out', 'idle'], targets: ['parlor', 'uws-raw', 'ws'] };
const NOTHING: BenchOptions = {
  scenarios: [],
  targets: null,
  long: false,
  pairs: null,
  seconds: null,
  write: true,
};
const parse = (line: string) => parseCommandLine(line.split(' ').filter(Boolean), KNOWN);

t.test('without words it is the short version of everything', async (t) => {
  t.strictSame(parse(''), { type: 'run', options: NOTHING });
  t.strictSame(parse('--quick'), { type: 'run', options: NOTHING });
});

t.test('scenarios, targets, pairs, seconds and the long version can be chosen', async (t) => {
  t.strictSame(
    parse('idle fan-out idle --targets parlor,uws-raw, --pairs 3 --seconds 0.5 --long --no-write'),
    {
      type: 'run',
      options: {
        scenarios: ['idle', 'fan-out'],
        targets: ['parlor', 'uws-raw'],
        long: true,
        pairs: 3,
        seconds: 0.5,
        write: false,
      },
    },
  );
  t.strictSame(parse('-h'), { type: 'help' });
  t.strictSame(parse('stores'), { type: 'stores' });
});

t.test('what cannot be understood is answered with one line that says what can', async (t) => {
  const failures: readonly (readonly [string, RegExp])[] = [
    ['fan-in', /^there is no scenario fan-in; there are: fan-out, idle, stores$/],
    ['idle --targets parlor,nginx', /^there is no target nginx; there are: parlor, uws-raw, ws$/],
    ['--targets ,', /^--targets needs names/],
    ['--pairs 1.5', /^--pairs takes a whole number above 0, not "1.5"$/],
    ['--pairs 0', /^--pairs takes/],
    ['--seconds soon', /^--seconds takes a number above 0, not "soon"$/],
    ['--fast', /^Unknown option '--fast'; --help shows what there is$/],
    ['--long --quick', /exclude each other/],
    ['stores --long', /^stores is a benchmark of its own/],
  ];
  for (const [line, message] of failures) {
    t.throws(() => parse(line), { message }, line);
    try {
      parse(line);
    } catch (error) {
      t.ok(error instanceof UsageError && !error.message.includes('\n'), line);
    }
  }
});

t.test('the command of a section runs that section again', async (t) => {
  t.equal(commandOf('idle', NOTHING), 'make bench ARGS=idle');
  const command = commandOf('fan-out', {
    ...NOTHING,
    ...{ scenarios: ['idle', 'fan-out'], targets: ['parlor', 'ws'], long: true, pairs: 2, seconds: 3 },
  });
  t.equal(command, "make bench ARGS='fan-out --long --targets parlor,ws --pairs 2 --seconds 3'");
  const parsed = parse((/'(.*)'/.exec(command) ?? [])[1] ?? '');
  t.match(parsed, { type: 'run', options: { scenarios: ['fan-out'], long: true, pairs: 2, seconds: 3 } });
});

t.test('the help names every scenario and target', async (t) => {
  const text = helpText(
    [
      { name: 'idle', title: 'Idle connections', onlyLong: false },
      { name: 'nodes', title: 'Many', onlyLong: true },
    ],
    KNOWN.targets,
  );
  for (const word of ['idle', 'nodes', 'only by name or with --long', 'stores', ...KNOWN.targets])
    t.match(text, word);
});
