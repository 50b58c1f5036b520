import { parseArgs } from 'node:util';
import { checker, faultLine } from '../engine/messages/check.js';
import { parseToken, TOKEN_OPTIONS, type TokenCommand } from './commands/token-line.js';
import { RoomId } from '../engine/messages/fields.js';

export interface ExportCommand {
  readonly command: 'export';
  /** Each once, in the order given. */
  readonly rooms: readonly string[] | 'all';
}

export interface ImportCommand {
  readonly command: 'import';
  /** null: standard input. */
  readonly file: string | null;
}

export interface BackupCommand {
  readonly command: 'backup';
  /** Where the copy is written. */
  readonly file: string;
}

export type CommandLine =
  | { readonly command: 'help' | 'version' | 'check' }
  /** `workers`: as given, not checked; null: not given. */
  | { readonly command: 'serve'; readonly workers: string | null }
  | TokenCommand
  | ExportCommand
  | ImportCommand
  | BackupCommand
  /** One line that says what is wrong; exit code 2. */
  | { readonly command: 'usage-error'; readonly text: string };

export const USAGE = `Usage: parlor                       serve (settings come from the environment)
       parlor --workers N            serve with N processes that share the port
       parlor export ROOM...        write these rooms to standard output
       parlor export --all          write every room
       parlor import [FILE]         read rooms from a file, or from standard input
       parlor backup FILE           copy the SQLite database to a new file
       parlor token make --user NAME [--room PATTERN --may join,post]... [--service] [--for SECONDS]
       parlor token check [TOKEN]    say whether it is accepted; from standard input if not given
       parlor check                 say all that is unsafe in the settings; exit code 1, or 2 if they start no server

Export, import and backup use the store that the settings name (STORE, SQLITE_PATH, DATABASE_URL), also while a server runs on it:

  STORE=sqlite parlor export --all > rooms.jsonl
  STORE=postgres DATABASE_URL=postgres://... parlor import rooms.jsonl

Run an interrupted import again, and it continues where it stopped. Rooms that are already there are left alone.
A room whose id begins with a dash goes after --, as in: parlor export -- -1

Options:
  --workers N    instead of WORKERS; needs BROKER=rabbitmq and STORE=postgres
  --all          with export: every room
  -h, --help     this text
  --version      the version
`;

const roomIdFaults = checker(RoomId);

/** Parses the arguments after the program's name. Never throws: wrong arguments are a `usage-error`. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...TOKEN_OPTIONS,
        all: { type: 'boolean' },
        workers: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (cause) {
    // Node explains in several sentences; the first one names the argument.
    const [first = 'wrong arguments'] = (cause instanceof Error ? cause.message : String(cause)).split('. ');
    return usageError(first);
  }
  const { values, positionals } = parsed;
  const [command, ...operands] = positionals;
  if (values.help) return { command: 'help' };
  if (values.version) return { command: 'version' };
  const tokenOptions = Object.keys(TOKEN_OPTIONS).filter((name) => name in values);
  if (tokenOptions.length > 0 && (command !== 'token' || operands[0] !== 'make'))
    return usageError(`--${tokenOptions[0] ?? ''} goes with token make`);
  if (command === undefined && !values.all) return { command: 'serve', workers: values.workers ?? null };
  if (values.workers !== undefined) return usageError('--workers goes with no command');
  if (command === 'token') {
    const token = parseToken(operands, values);
    return 'fault' in token ? usageError(token.fault) : token;
  }
  if (command === 'export') return parseExport(operands, values.all ?? false);
  if (values.all) return usageError('--all goes with export');
  if (command === 'import') return parseImport(operands);
  if (command === 'backup') return parseBackup(operands);
  if (command === 'check')
    return operands.length > 0
      ? usageError('check takes nothing: settings come from the environment')
      : { command };
  return usageError(`there is no command ${JSON.stringify(command)}`);
}

function parseExport(rooms: readonly string[], all: boolean): CommandLine {
  if (all && rooms.length > 0) return usageError('export takes rooms or --all, not both');
  if (all) return { command: 'export', rooms: 'all' };
  if (rooms.length === 0) return usageError('export which room? Name one or more, or say --all');
  for (const room of rooms) {
    const faults = roomIdFaults(room);
    if (faults) return usageError(`${JSON.stringify(room)} is no room id: ${faultLine(faults)}`);
  }
  return { command: 'export', rooms: [...new Set(rooms)] };
}

function parseImport(files: readonly string[]): CommandLine {
  const [file = '-', ...more] = files;
  if (more.length > 0) return usageError('import takes one file; for several: cat FILES | parlor import');
  if (file === '') return usageError('import from which file? Its name is empty');
  return { command: 'import', file: file === '-' ? null : file };
}

function parseBackup(files: readonly string[]): CommandLine {
  const [file = '', ...more] = files;
  if (file === '' || more.length > 0)
    return usageError('backup to which file? Name one that is not there yet');
  return { command: 'backup', file };
}

function usageError(text: string): CommandLine {
  return { command: 'usage-error', text: `${text} (parlor --help)` };
}
