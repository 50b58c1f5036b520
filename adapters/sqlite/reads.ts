import { EVENT_COLUMNS, ROOM_COLUMNS, REVOCATION_COLUMNS } from '../stores/columns.js';
import type { Connection, Statement } from './connection.js';
import type { LogRows, ReaderCalls, Value } from './protocol.js';

const EVENTS = EVENT_COLUMNS.join(', ');
const ROOMS = ROOM_COLUMNS.join(', ');
const MESSAGES = `type = 'message_posted'`;
const OTHERS = `type <> 'message_posted'`;

/** A room's events between two seqs, both exclusive, without forgotten ones. ?4: how many at most. */
function between(kind: string, what = EVENTS): string {
  return `SELECT ${what} FROM events WHERE room_id = ?1 AND ${kind} AND seq < ?3
    AND seq > max(?2, (SELECT first_seq FROM rooms WHERE room_id = ?1) - 1)`;
}

/** SQLite merges the two indexes while it reads, so a page costs no more than its own rows. */
function page(kind: 'messages' | 'all', order: 'ASC' | 'DESC', what = EVENTS): string {
  const messages = between(MESSAGES, what);
  const rows = kind === 'messages' ? messages : `${messages} UNION ALL ${between(OTHERS, what)}`;
  return `${rows} ORDER BY seq ${order} LIMIT ?4`;
}

const live = `JOIN rooms AS r ON r.room_id = e.room_id AND e.seq >= r.first_seq`;
const columns = EVENT_COLUMNS.map((column) => `e.${column}`).join(', ');

/** Every statement that reads, by its purpose. All find their rows, or read them in order, by a primary key or an index. */
export const READS = {
  load: `SELECT ${ROOMS} FROM rooms WHERE room_id = ?1`,
  rooms: `SELECT ${ROOMS} FROM rooms WHERE room_id > ?1 ORDER BY room_id LIMIT ?2`,
  messagesUp: page('messages', 'ASC'),
  messagesDown: page('messages', 'DESC'),
  allUp: page('all', 'ASC'),
  allDown: page('all', 'DESC'),
  position: `SELECT e.position FROM events AS e CROSS ${live} WHERE e.event_id = ?1`,
  log: `SELECT ${columns} FROM events AS e CROSS ${live}
    WHERE e.position > ?1 AND e.position <= ?2 ORDER BY e.position LIMIT ?3`,
  logEnd: `SELECT position FROM events WHERE position > ?1 ORDER BY position LIMIT 1 OFFSET ?2`,
  lastPosition: `SELECT seq FROM sqlite_sequence WHERE name = 'events'`,
  event: `SELECT ${columns} FROM events AS e CROSS ${live} WHERE e.event_id = ?1`,
  span: `SELECT first_seq, head_seq FROM rooms WHERE room_id = ?1`,
  others: `SELECT count(*) FROM events WHERE room_id = ?1 AND ${OTHERS} AND seq >= ?2 AND seq < ?3`,
  ages: page('all', 'ASC', 'seq, at'),
  revocations: `SELECT ${REVOCATION_COLUMNS.join(', ')} FROM revocations ORDER BY key`,
} as const;

/** Most events whose age one call of `retain` checks, and most that it forgets. */
const STEP = 1_000;

/**
 * Events that one page of the log reads, however few of them are not forgotten: it takes 0.2 ms where a room of millions
 * was purged and is not swept yet.
 */
const LOOK = 2_000;
/** The largest integer of both SQLite and JavaScript. */
const MAX = Number.MAX_SAFE_INTEGER;

/** The calls of the reader's thread. */
export function createReader(db: Connection): ReaderCalls {
  const statements = Object.fromEntries(
    Object.entries(READS).map(([name, sql]) => [name, db.prepare(sql)]),
  ) as Record<keyof typeof READS, Statement>;

  /**
   * The seq of the `wanted`th newest message. Seqs have no gap, so the number of messages from a seq on is the number of
   * seqs less that of the other events. Counting only those finds the seq without reading the messages.
   */
  function newest(roomId: string, head: number, first: number, wanted: number): number {
    let floor = head - wanted + 1;
    let counted = head + 1;
    while (floor >= first && floor < counted) {
      const [others] = statements.others.row([roomId, floor, counted]) ?? [];
      counted = floor;
      floor -= Number(others);
    }
    return floor;
  }

  /** The seq after the last event that is too old, within the first STEP events. */
  function firstYoung(roomId: string, head: number, first: number, notBefore: number): number {
    const ages = statements.ages.flat([roomId, 0, head + 1, STEP]);
    for (let i = ages.length - 2; i >= 0; i -= 2)
      if (Date.parse(String(ages[i + 1])) < notBefore) return Number(ages[i]) + 1;
    return first;
  }

  function positionOf(after: string | null): number | undefined {
    if (after === null) return 0;
    if (/^\d+$/.test(after)) return Math.min(Number(after), MAX);
    return statements.position.row([after])?.[0] as number | undefined;
  }

  /** One page of the log. Needs one snapshot: no event may be committed between its statements. */
  function logAfter(from: number, limit: number): LogRows {
    const [end] = statements.logEnd.row([from, Math.max(LOOK, limit + 1) - 1]) ?? [];
    const rows = statements.log.flat([from, end ?? MAX, limit + 1]);
    const size = limit * EVENT_COLUMNS.length;
    if (rows.length > size) {
      const last = rows[size - EVENT_COLUMNS.length + EVENT_COLUMNS.indexOf('event_id')] as string;
      return { rows: rows.slice(0, size), cursor: String(positionOf(last)), more: true };
    }
    if (end !== undefined && statements.logEnd.row([end as number, 0]))
      return { rows, cursor: String(end), more: true };
    const last = Math.max(from, Number(statements.lastPosition.row([])?.[0] ?? 0));
    return { rows, cursor: last === 0 ? null : String(last), more: false };
  }

  return {
    identity: () => String(db.value('SELECT uuid FROM identity')),
    load: (roomId) => statements.load.flat([roomId]),
    history(roomId, after, before, limit, order, kind) {
      const down = kind === 'messages' ? statements.messagesDown : statements.allDown;
      const up = kind === 'messages' ? statements.messagesUp : statements.allUp;
      return (order === 'up' ? up : down).flat([roomId, after, before, limit]);
    },
    log: (after, limit) =>
      db.read(() => {
        const from = positionOf(after);
        return from === undefined ? null : logAfter(from, limit);
      }),
    findEvents(ids) {
      const found: Value[] = [];
      for (const id of new Set(ids)) for (const value of statements.event.flat([id])) found.push(value);
      return found;
    },
    findEvent: (eventId) => statements.event.flat([eventId]),
    rooms: (after, limit) => statements.rooms.flat([after ?? '', limit]),
    revocations: () => statements.revocations.flat([]),
    floor: (roomId, maxMessages, notBefore, upTo) =>
      db.read(() => {
        const [first, head] = (statements.span.row([roomId]) ?? []).map(Number);
        if (first === undefined || head === undefined) return null;
        const byCount = maxMessages === null ? first : newest(roomId, head, first, maxMessages);
        const byAge = notBefore === null ? first : firstYoung(roomId, head, first, notBefore);
        const wanted = Math.max(byCount, byAge, upTo + 1);
        if (wanted <= first) return null;
        const firstSeq = Math.min(wanted, first + STEP);
        // If a whole step is too old, the next call finds out about the events after it.
        return { firstSeq, more: firstSeq <= head && firstSeq === first + STEP };
      }),
    close() {
      db.close();
      return null;
    },
  };
}
