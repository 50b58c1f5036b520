import { stat } from 'node:fs/promises';
import type { Clock, Log } from '../../engine/ports.js';

/** How often the size of the -wal file is checked, ms. */
const LOOK_MS = 10_000;
/** It is truncated to 64 MB (see `open.ts`) unless another process is reading; several times that is unusual. */
const FIRST_BYTES = 256 * 1024 * 1024;

/**
 * Logs a warning when the -wal file grows far beyond its usual size, and each time it has doubled since. It grows while
 * another process keeps a read transaction open, since the pages which that reads cannot be overwritten
 * (sqlite.org/wal.html): a shell that was left open, or a suspended program. Only ending that process helps, and nothing
 * else goes wrong until the disk is full. The function that is returned stops the watch.
 */
export function watchWal(path: string, clock: Clock, log: Log): () => void {
  let bound = FIRST_BYTES;
  let cancel = (): void => undefined;
  let ended = false;

  async function look(): Promise<void> {
    const bytes = await stat(`${path}-wal`).then(
      ({ size }) => size,
      // There is none before the first write.
      () => 0,
    );
    if (bytes < FIRST_BYTES) bound = FIRST_BYTES;
    if (bytes > bound) {
      log.warn(
        { path, wal_bytes: bytes },
        'sqlite: the -wal file grows, because another program keeps a read transaction open: end that program',
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
