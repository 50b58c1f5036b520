#!/usr/bin/env node
import { existsSync, realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { errorText } from '../engine/errors.js';
import type { Store } from '../engine/ports.js';
import {
  parseCommandLine,
  USAGE,
  type BackupCommand,
  type ExportCommand,
  type ImportCommand,
} from './command-line.js';
import { text } from 'node:stream/consumers';
import type { TokenCommand } from './commands/token-line.js';
import { authFault } from './auth-settings.js';
import { unsafeSettings } from './commands/check.js';
import { servingFault } from './config.js';
import { complain, configOrExit } from './ending.js';
import { createLog, STANDARD_ERROR } from './logging.js';
import { backUpSqlite, createStore, createVerifier } from './stores.js';
import { VERSION } from './version.js';
import { findParent } from './worker.js';

/*
 * What only one command needs is loaded by that command: a server that listens loads no code for tokens, and none of it
 * waits for the other.
 */

/** `parlor export` and `parlor import`; resolves with the exit code. */
async function transfer(command: ExportCommand | ImportCommand): Promise<number> {
  const config = configOrExit();
  if (config.STORE === 'memory')
    return complain(`STORE=memory has nothing to ${command.command}: name sqlite or postgres`, 2);
  if (command.command === 'export' && config.STORE === 'sqlite' && !existsSync(config.SQLITE_PATH))
    return complain(`there is no database at ${config.SQLITE_PATH}: name it in SQLITE_PATH`, 1);
  // Standard output is for the export.
  const log = createLog({ LOG_LEVEL: 'warn', LOG_FORMAT: 'json' }, STANDARD_ERROR);
  let store: Store;
  try {
    store = await createStore(config, log, command.command === 'export' ? 'read' : 'write');
  } catch (cause) {
    return complain(errorText(cause), 1);
  }
  const { runTransfer } = await import('./transfer/run.js');
  return runTransfer(command, store);
}

/** `parlor backup`; resolves with the exit code. */
async function backup({ file }: BackupCommand): Promise<number> {
  const { STORE, SQLITE_PATH } = configOrExit();
  if (STORE === 'postgres') return complain('STORE=postgres is backed up with pg_dump', 2);
  if (STORE === 'memory') return complain('STORE=memory has nothing to back up: name sqlite', 2);
  try {
    const bytes = await backUpSqlite(SQLITE_PATH, file);
    process.stderr.write(`parlor: ${SQLITE_PATH} is copied to ${file} (${bytes} bytes)\n`);
    return 0;
  } catch (cause) {
    return complain(errorText(cause), 1);
  }
}

/** `parlor token`; resolves with the exit code. */
async function token(asked: TokenCommand): Promise<number> {
  const { checkToken, makeFault, makeToken } = await import('./commands/token.js');
  const config = { ...configOrExit(), AUTH: 'jwt' as const };
  const fault = (asked.command === 'token-make' ? makeFault(config) : null) ?? authFault(config);
  if (fault !== null) return complain(fault, 2);
  if (asked.command === 'token-make') {
    process.stdout.write(`${await makeToken(asked.wish, config, Date.now())}\n`);
    return 0;
  }
  const log = createLog({ LOG_LEVEL: 'warn', LOG_FORMAT: 'json' }, STANDARD_ERROR);
  try {
    const verifier = await createVerifier(config, log);
    if (verifier === null) return complain('AUTH=off checks no tokens', 2);
    const { isGood, text: words } = await checkToken(asked.token ?? (await text(process.stdin)), verifier);
    process.stdout.write(`${words}\n`);
    return isGood ? 0 : 1;
  } catch (cause) {
    return complain(errorText(cause), 2);
  }
}

/**
 * `parlor check`: all that is unsafe goes to standard output, what else keeps a server from starting to standard error. Returns the
 * exit code: 2 if it would not start, 1 if it would and something is unsafe.
 */
function check(): number {
  const config = configOrExit();
  const unsafe = unsafeSettings(config);
  for (const line of unsafe) process.stdout.write(`${line}\n`);
  const fault = servingFault(config);
  if (fault === null) return unsafe.length > 0 ? 1 : 0;
  return unsafe.includes(fault) ? 2 : complain(fault, 2);
}

/** Runs one node in this process, or several in their own processes. `workers` overrides WORKERS. */
async function serve(workers: string | null): Promise<void> {
  // The parent of a worker has checked the settings.
  if (findParent() !== null) return (await import('./run.js')).run();
  const config = configOrExit(workers === null ? {} : { WORKERS: workers });
  const fault = servingFault(config);
  if (fault !== null) process.exit(complain(fault, 2));
  if (config.WORKERS > 1) return (await import('./workers.js')).runWorkers(config);
  return (await import('./run.js')).run();
}

/** Carries out a command line. Resolves when that is done; for `serve`, when it listens. */
async function main(args: readonly string[]): Promise<void> {
  const asked = parseCommandLine(args);
  switch (asked.command) {
    case 'serve':
      return serve(asked.workers);
    case 'help':
      process.stdout.write(USAGE);
      return;
    case 'version':
      process.stdout.write(`${VERSION}\n`);
      return;
    case 'usage-error':
      process.exitCode = complain(asked.text, 2);
      return;
    case 'export':
    case 'import':
      process.exitCode = await transfer(asked);
      return;
    case 'token-make':
    case 'token-check':
      process.exitCode = await token(asked);
      return;
    case 'check':
      process.exitCode = check();
      return;
    case 'backup':
      process.exitCode = await backup(asked);
  }
}

/** Whether this file was started as the program, also through a symbolic link such as npm makes for `bin`. */
function isProgram(path: string | undefined): boolean {
  return path !== undefined && import.meta.url === pathToFileURL(realpathSync(path)).href;
}

if (isProgram(process.argv[1])) await main(process.argv.slice(2));
