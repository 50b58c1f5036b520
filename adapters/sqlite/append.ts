import type { AppendResult } from '../../engine/ports.js';
import { inOrder } from '../stores/in-order.js';
import type { Connection } from './connection.js';
import { EVENT, partsOf, type Part } from './encode.js';
import { faultOf } from './faults.js';
import { placeholders, prepareManyRows } from './many-rows.js';
import type { Value } from './protocol.js';

/** Thrown to leave the fast path: the appends have to be decided one by one. */
class Irregular extends Error {}

/** Inserts messages. Their type is part of the statement, since each value of a row costs 0.3 µs to bind. */
function insertMessagesSql(rows: number): string {
  const row = `(?, ?, 'message_posted', ?, ?, ?, ?, ?, ?)`;
  return `INSERT OR ROLLBACK INTO events (room_id, seq, type, event_id, at, request_id, user_name, text, details)
    VALUES ${Array<string>(rows).fill(row).join(', ')}`;
}

/** Moves the heads of rooms; each row is a room's id, its new record, and the head that it must have. */
function moveSql(rows: number): string {
  if (rows === 1)
    return `UPDATE rooms SET head_seq = ?2, status = ?3, policy = ?4, created_at = ?5 WHERE room_id = ?1 AND head_seq = ?6`;
  return `UPDATE OR ROLLBACK rooms SET head_seq = to_be.column2, status = to_be.column3, policy = to_be.column4,
    created_at = to_be.column5 FROM (VALUES ${placeholders(rows, 6)}) AS to_be
    WHERE room_id = to_be.column1 AND head_seq = to_be.column6`;
}

/** Statements of appends that look for rows. */
export const MOVES = { moveOne: moveSql(1), moveTwo: moveSql(2) } as const;

function seqOf({ head, count }: Part, index: number): number {
  return head - count + 1 + index;
}

/**
 * Commits appends in one transaction; null: all of them were committed. Throws if the transaction failed: then nothing
 * of it is stored.
 *
 * The fast path assumes that every append starts at the head of its room, that all event ids are new and all texts can be stored.
 * Only another writer, a repeated command or a fault of the engine makes that untrue. Then the transaction is rolled back and
 * done again, append by append.
 */
export function createAppender(db: Connection): (flat: readonly Value[]) => AppendResult[] | null {
  const openRoom = db.prepare(
    `INSERT INTO rooms (room_id, head_seq, first_seq, swept_seq, status, policy, created_at)
     VALUES (?1, ?2, 1, 1, ?3, ?4, ?5)
     ON CONFLICT (room_id) DO UPDATE SET head_seq = ?2, status = ?3, policy = ?4, created_at = ?5
     WHERE head_seq = 0`,
  );
  const moveRoom = db.prepare(moveSql(1));
  const moveRooms = prepareManyRows(db, 6, moveSql);
  const purge = db.prepare(`UPDATE rooms SET first_seq = ?2 WHERE room_id = ?1 AND first_seq < ?2`);
  const insert = db.prepare(
    `INSERT INTO events (room_id, seq, event_id, type, at, request_id, user_name, text, details)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertMessages = prepareManyRows(db, 1 + EVENT, insertMessagesSql);
  const dropForgotten = db.prepare(
    `DELETE FROM events WHERE event_id = ?1
     AND seq < (SELECT first_seq FROM rooms WHERE rooms.room_id = events.room_id)`,
  );

  /** Moves a room's head, which must be at `base`; false if it is not. */
  function move(part: Part, base: number): boolean {
    const { roomId, head, status, policy, createdAt } = part;
    const changed =
      base === 0
        ? openRoom.run([roomId, head, status, policy, createdAt])
        : moveRoom.run([roomId, head, status, policy, createdAt, base]);
    return changed === 1;
  }

  function forget({ roomId, head, purgeBefore }: Part): void {
    if (purgeBefore !== null) purge.run([roomId, Math.min(purgeBefore, head + 1)]);
  }

  function insertEvent(flat: readonly Value[], part: Part, index: number): void {
    const i = part.start + index * EVENT;
    insert.run([part.roomId, seqOf(part, index), ...flat.slice(i, i + EVENT)]);
  }

  /** Inserts all events in their order: messages that follow each other together, every other event by itself. */
  function insertAll(flat: readonly Value[], parts: readonly Part[]): void {
    let messages: Value[] = [];
    for (const part of parts)
      for (let index = 0; index < part.count; index++) {
        const i = part.start + index * EVENT;
        if (flat[i + 1] === 'message_posted') {
          messages.push(part.roomId, seqOf(part, index), flat[i] as Value);
          for (let k = i + 2; k < i + EVENT; k++) messages.push(flat[k] as Value);
        } else {
          insertMessages(messages);
          messages = [];
          insertEvent(flat, part, index);
        }
      }
    insertMessages(messages);
  }

  /** Moves the heads of all rooms to their last parts. Throws if one is not where it has to be. */
  function moveAll(rooms: Iterable<{ readonly base: number; readonly last: Part }>): void {
    const values: Value[] = [];
    for (const { base, last } of rooms) {
      if (base > 0) values.push(last.roomId, last.head, last.status, last.policy, last.createdAt, base);
      else if (!move(last, base)) throw new Irregular();
    }
    if (moveRooms(values) * 6 !== values.length) throw new Irregular();
  }

  function allAtOnce(flat: readonly Value[], parts: readonly Part[]): null {
    const rooms = new Map<string, { base: number; last: Part }>();
    for (const part of parts) {
      const known = rooms.get(part.roomId);
      const base = part.head - part.count;
      if (!known) rooms.set(part.roomId, { base, last: part });
      else if (known.last.head === base) known.last = part;
      else throw new Irregular();
    }
    moveAll(rooms.values());
    insertAll(flat, parts);
    for (const part of parts) forget(part);
    return null;
  }

  function oneByOne(flat: readonly Value[], parts: readonly Part[]): AppendResult[] {
    const make = (part: Part): AppendResult => {
      if (!part.storable) return 'failed';
      db.exec('SAVEPOINT one');
      const result = one(flat, part);
      if (result !== 'committed') db.exec('ROLLBACK TO one');
      db.exec('RELEASE one');
      return result;
    };
    return inOrder(parts, ({ roomId }) => roomId, make);
  }

  function one(flat: readonly Value[], part: Part): AppendResult {
    try {
      if (!move(part, part.head - part.count)) return 'fenced';
      for (let k = 0; k < part.count; k++) {
        dropForgotten.run([flat[part.start + k * EVENT] ?? null]);
        insertEvent(flat, part, k);
      }
      forget(part);
      return 'committed';
    } catch (cause) {
      const { code, text } = faultOf(cause);
      if (code === 'SQLITE_CONSTRAINT_UNIQUE')
        return text.includes('events.event_id') ? 'duplicate' : 'fenced';
      // These come from the values of this append, so the others can still be stored.
      if (/^SQLITE_(CONSTRAINT|TOOBIG|MISMATCH|RANGE)/.test(code)) return 'failed';
      throw cause;
    }
  }

  return (flat) => {
    const parts = partsOf(flat);
    try {
      if (!parts.every(({ storable }) => storable)) throw new Irregular();
      return db.write(() => allAtOnce(flat, parts));
    } catch (cause) {
      const { code } = faultOf(cause);
      if (!(cause instanceof Irregular) && !/^SQLITE_(CONSTRAINT|TOOBIG)/.test(code)) throw cause;
      return db.write(() => oneByOne(flat, parts));
    }
  };
}
