import t from 'tap';
import { parseCommandLine, USAGE } from '../../api/command-line.js';

const good: [args: string, means: object][] = [
  ['', { command: 'serve', workers: null }],
  ['--workers 3', { command: 'serve', workers: '3' }],
  ['--workers=3', { command: 'serve', workers: '3' }],
  ['--help', { command: 'help' }],
  ['-h', { command: 'help' }],
  ['export --help', { command: 'help' }],
  ['--version', { command: 'version' }],
  ['export 42', { command: 'export', rooms: ['42'] }],
  ['export b a b group:x', { command: 'export', rooms: ['b', 'a', 'group:x'] }],
  ['export -- -1', { command: 'export', rooms: ['-1'] }],
  ['export --all', { command: 'export', rooms: 'all' }],
  ['--all export', { command: 'export', rooms: 'all' }],
  ['import', { command: 'import', file: null }],
  ['import -', { command: 'import', file: null }],
  ['backup copy.db', { command: 'backup', file: 'copy.db' }],
  ['import rooms.jsonl', { command: 'import', file: 'rooms.jsonl' }],
];
for (const [args, means] of good)
  t.test(`“parlor ${args}” is understood`, async (t) => {
    t.same(parseCommandLine(args.split(' ').filter((arg) => arg !== '')), means);
  });

const wrong: [args: string[], says: RegExp][] = [
  [['frobnicate'], /no command "frobnicate"/],
  [['--user', 'alice'], /--user goes with token make/],
  [['token', 'check', '--service'], /--service goes with token make/],
  [['exprot', '42'], /no command "exprot"/],
  [['export'], /which room\? Name one or more, or say --all/],
  [['export', '--all', '42'], /not both/],
  [['export', 'a/b'], /"a\/b" is no room id: it: must be 1–64 of/],
  [['export', ''], /"" is no room id/],
  [['export', '-1'], /'-1'/],
  [['export', '--al'], /'--al'/],
  [['export', '--all=yes'], /--all/],
  [['import', 'a', 'b'], /takes one file; for several: cat/],
  [['import', ''], /Its name is empty/],
  [['backup'], /backup to which file\?/],
  [['backup', 'a', 'b'], /backup to which file\?/],
  [['import', '--all'], /--all goes with export/],
  [['--all'], /--all goes with export/],
  [['--workers'], /'--workers/],
  [['--workers', '2', 'export', '--all'], /--workers goes with no command/],
];
for (const [args, says] of wrong)
  t.test(`“parlor ${args.join(' ')}” is refused in one line that says what to do`, async (t) => {
    const answer = parseCommandLine(args);
    t.match(answer, { command: 'usage-error', text: says });
    t.match(answer, { text: /^[^\n]+ \(parlor --help\)$/ });
  });

t.test('the help names every command and option', async (t) => {
  for (const word of [
    'parlor export ROOM...',
    '--all',
    'parlor import [FILE]',
    '--workers N',
    '--help',
    '--version',
  ])
    t.ok(USAGE.includes(word), word);
});
