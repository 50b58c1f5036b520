/**
 * How the log keeps its order. An event's position comes from a sequence before its transaction commits, and nodes
 * commit in another order: a reader that has seen 12 would miss 11 for ever if that one commits later.
 *
 * So an append first reads the last position that was handed out, then takes a shared advisory lock whose key holds
 * that position, and only then draws its own, which are greater; the lock goes after its commit can be seen. A reader
 * asks, in this order and in a statement before the one that reads events: which position was handed out last, and
 * which is the smallest that a lock holds. Up to the smaller of the two nothing can appear any more. Nobody waits.
 *
 * The horizon of transaction ids (pg_snapshot_xmin) would do the same without locks, but any long transaction of any
 * database of the server would hold the log back, and the ids begin anew where a dump is restored.
 */

const SPACE = 0x7061n;
const POSITION_BITS = 48n;
const MASK = (1n << POSITION_BITS) - 1n;

/** Takes the lock. One row. */
export const GATE = `
  SELECT pg_advisory_xact_lock_shared(${SPACE << POSITION_BITS} + s.last_value) FROM parlor.events_position_seq s`;

/**
 * The position up to which the log is complete. The `WHERE` that mentions the sequence makes it be read first: a lock
 * taken after that is by someone whose positions are greater.
 */
export const HORIZON = `
  SELECT least(s.last_value, h.held) FROM parlor.events_position_seq s CROSS JOIN LATERAL (
    SELECT min(((l.classid::bigint << 32) + l.objid::bigint) & ${MASK}) AS held FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND (l.classid::bigint >> 16) = ${SPACE}
      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND s.last_value >= 0
  ) h`;
