import { stat } from 'node:fs/promises';
import type { Clock, Log } from '../../engine/ports.js';

/** How often the -wal file is looked at, ms. */
const LOOK_MS = 10_000;
/** It is cut again beyond 64 MB (see `open.ts`), unless somebody reads in it; several times that is not usual. */
const FIRST_BYTES = 256 * 1024 * 1024;

/**
 * Says when the -wal file grows far beyond its bound, and again each time it has doubled. It grows while another process
 * has a read transaction open, since what that reads cannot be overwritten (sqlite.org/wal.html): a shell that was left
 * open, or a program that was suspended. Nothing but ending that process helps, and nothing else goes wrong until the
 * disk is full. Ends with the function that it returns.
 */
export function watchWal(path: string, clock: Clock, log: Log): () => void {
  let bound = FIRST_BYTES;
  let cancel = (): void => undefined;
  let ended = false;

  async function look(): Promise<void> {
    const bytes = await stat(`${path}-wal`).then(
      ({ size }) => size,
      // Not there: nothing was written yet.
      () => 0,
    );
    if (bytes < FIRST_BYTES) bound = FIRST_BYTES;
    if (bytes > bound) {
      log.warn(
        { path, wal_bytes: bytes },
        'sqlite: the -wal file grows, because another program has been reading in the database for long: end that one',
      );
      while (bound < bytes) bound *= 2;
    }
    later();
  }

  function later(): void {
    if (!ended) cancel = clock.after(LOOK_MS, () => void look());
  }

  later();
  return () => {
    ended = true;
    cancel();
  };
}
