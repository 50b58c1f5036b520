import { statSync } from 'node:fs';
import { createAppender } from './append.js';
import type { Connection } from './connection.js';
import { MOVED } from './faults.js';
import type { Value, WorkerOptions, WriterCalls } from './protocol.js';
import { createRevoker } from './revocations.js';

/** Most rows that a call of `sweep` deletes: it takes a few ms, which nobody notices. */
const ROWS = 1_000;
/** Most rooms in one call of `sweep`. */
const ROOMS = 100;

/** Every statement that the sweep uses. */
export const SWEEPS = {
  unswept: `SELECT room_id, swept_seq, first_seq FROM rooms WHERE swept_seq < first_seq ORDER BY room_id LIMIT ?1`,
  messages: `DELETE FROM events WHERE room_id = ?1 AND type = 'message_posted' AND seq < ?2`,
  others: `DELETE FROM events WHERE room_id = ?1 AND type <> 'message_posted' AND seq < ?2`,
  swept: `UPDATE rooms SET swept_seq = ?2 WHERE room_id = ?1`,
} as const;

/** The calls of the writer's thread, on the file at `path`. */
export function createWriter(
  db: Connection,
  { path, isGuest }: Pick<WorkerOptions, 'path' | 'isGuest'>,
): WriterCalls {
  const append = createAppender(db);
  const revoker = createRevoker(db);
  const restore = db.prepare(
    `INSERT INTO rooms (room_id, head_seq, first_seq, swept_seq, status, policy, created_at)
     VALUES (?1, ?2, ?2 + 1, ?2 + 1, ?3, ?4, ?5) ON CONFLICT (room_id) DO NOTHING`,
  );
  const raise = db.prepare(`UPDATE rooms SET first_seq = ?2 WHERE room_id = ?1 AND first_seq < ?2`);
  const probe = db.prepare(`UPDATE probe SET writes = writes + 1 WHERE id = 1`);
  const unswept = db.prepare(SWEEPS.unswept);
  const deleteMessages = db.prepare(SWEEPS.messages);
  const deleteOthers = db.prepare(SWEEPS.others);
  const swept = db.prepare(SWEEPS.swept);
  const opened = statSync(path, { bigint: true });

  /** A file that was moved keeps receiving our writes at its new place, and nobody would notice until the next start. */
  function assertInPlace(): void {
    const now = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (now?.ino !== opened.ino || now.dev !== opened.dev)
      throw Object.assign(new Error(`the file at ${path} is another one now`), { code: MOVED });
  }

  /** Deletes at most `rows` forgotten rows of one room; returns the number of seqs that it has covered. */
  function sweepRoom(room: readonly Value[], rows: number): number {
    const [roomId, from, first] = [room[0] ?? null, Number(room[1]), Number(room[2])];
    const to = Math.min(first, from + rows);
    deleteMessages.run([roomId, to]);
    deleteOthers.run([roomId, to]);
    swept.run([roomId, to]);
    return to - from;
  }

  return {
    append(flat) {
      assertInPlace();
      return append(flat);
    },
    restore(record) {
      assertInPlace();
      return db.write(() => restore.run(record) === 1);
    },
    raise(roomId, firstSeq) {
      assertInPlace();
      db.write(() => raise.run([roomId, firstSeq]));
      return null;
    },
    sweep() {
      assertInPlace();
      return db.write(() => {
        const rooms = unswept.flat([ROOMS]);
        let left = ROWS;
        for (let i = 0; i < rooms.length && left > 0; i += 3) left -= sweepRoom(rooms.slice(i, i + 3), left);
        return unswept.row([1]) !== undefined;
      });
    },
    revoke(row) {
      assertInPlace();
      return revoker.revoke(row);
    },
    unrevoke(key) {
      assertInPlace();
      return revoker.unrevoke(key);
    },
    probe() {
      assertInPlace();
      db.write(() => probe.run([]));
      return null;
    },
    close() {
      // Moves the contents of the -wal file into the database file, which is complete by itself then.
      if (!isGuest) db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      db.close();
      return null;
    },
  };
}
