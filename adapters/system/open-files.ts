import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Clock, Log } from '../../engine/ports.js';

/**
 * `free`: there are enough. `scarce`: new connections have to be refused, with a reason. `out`: even refusing them would
 * take the last files, so nothing more may be accepted.
 */
export type OpenFiles = 'free' | 'scarce' | 'out';

interface Options {
  readonly clock: Clock;
  readonly log: Log;
  readonly changed: (now: OpenFiles) => void;
  /** The number of files that this process may have open; null: unknown, so files are never scarce. */
  readonly limit?: number | null;
}

export interface OpenFilesWatch {
  readonly now: OpenFiles;
  /** Updates `now` and returns it. Costs as much as opening a file. */
  look(): OpenFiles;
  end(): void;
}

/** How often the number of open files is checked, ms. */
const LOOK_MS = 100;
/** Files kept for the store, the log, RabbitMQ, and connections that are open just long enough to be refused. */
const RESERVE = { scarce: 200, out: 50 };
/** Files that have to become free before there are enough again: those of the connections just refused do so at once. */
const MARGIN = 10;

/**
 * Watches how many files this process has open, so that it does not run out of them. At the limit, a connection that cannot
 * be accepted stays in the kernel's queue, and uWebSockets.js tries to accept it over and over: one core is busy with that,
 * and nothing is logged.
 */
export function watchOpenFiles({ clock, log, changed, limit = limitOfProcess() }: Options): OpenFilesWatch {
  let now: OpenFiles = 'free';
  let cancel = (): void => undefined;

  function look(): OpenFiles {
    if (limit === null) return now;
    const found = stateOf(limit, lowestFree() ?? limit, now);
    if (found === now) return now;
    if (now === 'free')
      log.warn(
        { limit },
        `nearly all ${limit} files that this process may open are open: new connections are refused; ` +
          'raise the limit (ulimit -n, LimitNOFILE= in systemd, ulimits in docker-compose.yml)',
      );
    else if (found === 'free')
      log.info({ limit }, 'there are enough free files again: new connections are accepted');
    now = found;
    changed(found);
    return now;
  }

  function later(): void {
    cancel = clock.after(LOOK_MS, () => {
      look();
      later();
    });
  }

  if (limit !== null) later();
  return {
    get now() {
      return now;
    },
    look,
    end: () => cancel(),
  };
}

function stateOf(limit: number, lowest: number, before: OpenFiles): OpenFiles {
  // With a very low limit, only a part of it.
  const reserve = (wanted: number): number => Math.min(wanted, limit * (wanted / (4 * RESERVE.scarce)));
  if (lowest >= limit - reserve(RESERVE.out)) return 'out';
  const margin = before === 'free' ? 0 : MARGIN;
  return lowest >= limit - reserve(RESERVE.scarce) - margin ? 'scarce' : 'free';
}

const NONE_LEFT: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE']);

/**
 * The lowest unused file descriptor, which POSIX assigns to the next file that is opened. Null: there is none left. 0, so
 * that files are never scarce, if /dev/null cannot be opened for another reason.
 */
function lowestFree(): number | null {
  try {
    const file = openSync('/dev/null', 'r');
    closeSync(file);
    return file;
  } catch (cause) {
    return cause instanceof Error && 'code' in cause && NONE_LEFT.has(cause.code) ? null : 0;
  }
}

/** The limit of this process, from /proc, which only Linux has. (At start Node has raised the soft limit to the hard one.) */
function limitOfProcess(): number | null {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
