import type { Store } from '../../engine/ports.js';
import type { Statement } from './line.js';
import type { Run } from './reads.js';

/** Most events that one call marks as forgotten, or deletes. */
const STEP = 1_000;
/** Most rooms in one sweep. Each is a commit of its own. */
const ROOMS = 50;

const RESTORE: Statement = {
  name: 'restore',
  text: `
    INSERT INTO parlor.rooms
      (room_id, prior_seq, head_seq, first_seq, swept_seq, messages, status, policy, created_at)
    VALUES ($1, $2, $2, $2::bigint + 1, $2::bigint + 1, 0, $3, $4::json, $5::timestamptz)
    ON CONFLICT (room_id) DO NOTHING RETURNING room_id`,
};

/**
 * Reads the oldest STEP events and one more. Messages are numbered, so each event shows by itself how many came after it.
 * Several nodes may do this at once: first_seq only rises.
 */
const RETAIN: Statement = {
  name: 'retain',
  text: `
    WITH room AS MATERIALIZED (
      SELECT r.first_seq, r.messages FROM parlor.rooms r WHERE r.room_id = $1
    ), oldest AS MATERIALIZED (
      SELECT e.seq, e.message_no, e.at FROM parlor.events e
      WHERE e.room_id = $1 AND e.seq >= (SELECT first_seq FROM room) ORDER BY e.seq LIMIT ${STEP + 1}
    ), cut AS MATERIALIZED (
      SELECT (SELECT first_seq FROM room) + ${STEP} AS most, greatest(
        CASE WHEN $2::bigint IS NOT NULL THEN coalesce(
          min(o.seq) FILTER (WHERE o.message_no > (SELECT messages FROM room) - $2::bigint), max(o.seq) + 1) END,
        max(o.seq) FILTER (WHERE o.at < $3::timestamptz) + 1,
        $4::bigint + 1) AS wanted
      FROM oldest o
    ), forgotten AS (
      UPDATE parlor.rooms r SET first_seq = least(cut.wanted, cut.most) FROM cut
      WHERE r.room_id = $1 AND r.first_seq < least(cut.wanted, cut.most) AND cut.wanted IS NOT NULL
    )
    SELECT coalesce(cut.wanted > cut.most, false) FROM cut`,
};

const TO_SWEEP: Statement = {
  name: 'to_sweep',
  text: `
    SELECT r.room_id, r.swept_seq, r.first_seq FROM parlor.rooms r
    WHERE r.swept_seq < r.first_seq ORDER BY r.room_id LIMIT ${ROOMS}`,
};

/** Harmless if two nodes sweep the same room at once: both do the same. */
const SWEEP: Statement = {
  name: 'sweep',
  text: `
    WITH gone AS (
      DELETE FROM parlor.events e WHERE e.room_id = $1 AND e.seq >= $2 AND e.seq < $3
    )
    UPDATE parlor.rooms r SET swept_seq = $3 WHERE r.room_id = $1 AND r.swept_seq < $3`,
};

/**
 * The part of the store that restores rooms and forgets their oldest events. `background` must not use the connection
 * for appends, so that no commit waits for it.
 */
export function createRetention(write: Run, background: Run): Pick<Store, 'restore' | 'retain' | 'sweep'> {
  return {
    async restore({ room_id, head_seq, status, policy, created_at }) {
      const values = [room_id, head_seq, status, policy && JSON.stringify(policy), created_at];
      return (await write(RESTORE, values)).length === 1;
    },
    async retain(roomId, { max_messages, not_before, up_to = 0 }) {
      const since = not_before === null ? null : new Date(not_before).toISOString();
      const [row] = await background(RETAIN, [roomId, max_messages, since, up_to]);
      return row?.[0] === true;
    },
    async sweep() {
      const rooms = (await background(TO_SWEEP)) as [string, number, number][];
      let left = STEP;
      let done = 0;
      for (const [room, from, first] of rooms) {
        if (left <= 0) break;
        const to = Math.min(first, from + left);
        await background(SWEEP, [room, from, to]);
        left -= to - from;
        if (to === first) done += 1;
      }
      return done < rooms.length || rooms.length === ROOMS;
    },
  };
}
