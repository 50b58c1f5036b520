import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Clock, Log } from '../../engine/ports.js';

/**
 * `free`; `scarce`: new connections are to be refused, with a reason; `out`: even that would take the last ones, so nothing
 * more may be accepted.
 */
export type OpenFiles = 'free' | 'scarce' | 'out';

interface Options {
  readonly clock: Clock;
  readonly log: Log;
  readonly changed: (now: OpenFiles) => void;
  /** The most files that this process may have open; null: not known, and never scarce. */
  readonly limit?: number | null;
}

export interface OpenFilesWatch {
  readonly now: OpenFiles;
  /** Looks now: as cheap as opening a file. */
  look(): OpenFiles;
  end(): void;
}

/** How often it is looked without being asked, ms. */
const LOOK_MS = 100;
/** Left for what is no connection: the store, the log, RabbitMQ, and connections that are told why they are refused. */
const RESERVE = { scarce: 200, out: 50 };

/**
 * Watches that this process does not run out of files. A connection that cannot be accepted stays in the kernel's queue, which
 * is asked for it again and again: at the limit a core is busy with that, and nobody is told why.
 */
export function watchOpenFiles({ clock, log, changed, limit = limitOfProcess() }: Options): OpenFilesWatch {
  let now: OpenFiles = 'free';
  let cancel = (): void => undefined;

  function look(): OpenFiles {
    if (limit === null) return now;
    const found = stateOf(limit, lowestFree() ?? limit);
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

function stateOf(limit: number, lowest: number): OpenFiles {
  // With a very low limit the reserve is a part of it.
  const reserve = (wanted: number): number => Math.min(wanted, limit * (wanted / (4 * RESERVE.scarce)));
  if (lowest >= limit - reserve(RESERVE.out)) return 'out';
  return lowest >= limit - reserve(RESERVE.scarce) ? 'scarce' : 'free';
}

const NONE_LEFT: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE']);

/**
 * The lowest number that no open file has: POSIX gives it to the next one. Null: there is none left. 0, which is never
 * scarce, where there is no /dev/null to be opened.
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

/** From /proc, which only Linux has. Node raises the soft limit to the hard one when it starts. */
function limitOfProcess(): number | null {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
