import type { Statement } from './line.js';
import { GATE } from './positions.js';

/**
 * A whole commit: rooms and events of many appends, one round trip, one transaction. Returns the ids of the rooms that
 * were written. Of the others, which are fenced, nothing is stored.
 *
 * A room is written if its head is the one that the append starts from, `prior_seq`. `ON CONFLICT` locks the row, waiting
 * for a transaction that has just changed it, and evaluates its WHERE on the row as that transaction left it: of two nodes
 * that write the same seq one succeeds, whatever their snapshots show. A room that does not exist must start at seq 1.
 * Rooms are locked in the given order, so that two nodes do not deadlock.
 */
export const STORE_ROOMS_AND_EVENTS: Statement = {
  name: 'append',
  text: `
    WITH gate AS MATERIALIZED (${GATE}), taken AS (
      INSERT INTO parlor.rooms AS r
        (room_id, prior_seq, head_seq, first_seq, swept_seq, messages, status, policy, created_at)
      SELECT w.room_id, w.prior_seq, w.head_seq, w.first_seq, 1, w.messages, w.status, w.policy, w.created_at
      FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::json[],
        $8::timestamptz[])
        AS w (room_id, prior_seq, head_seq, first_seq, messages, status, policy, created_at)
      WHERE w.prior_seq = 0 OR (SELECT true FROM parlor.rooms k WHERE k.room_id = w.room_id)
      ON CONFLICT (room_id) DO UPDATE SET
        prior_seq = excluded.prior_seq, head_seq = excluded.head_seq,
        first_seq = greatest(r.first_seq, excluded.first_seq), messages = r.messages + excluded.messages,
        status = excluded.status, policy = excluded.policy, created_at = excluded.created_at
      WHERE r.head_seq = excluded.prior_seq
      RETURNING r.room_id, r.messages
    ), stored AS (
      INSERT INTO parlor.events
        (room_id, seq, event_id, type, at, request_id, user_name, text, details, message_no)
      SELECT e.room_id, e.seq, e.event_id, e.type, e.at, e.request_id, e.user_name, e.text, e.details,
        taken.messages - e.behind
      FROM unnest($9::text[], $10::bigint[], $11::bigint[], $12::uuid[], $13::text[], $14::timestamptz[],
        $15::text[], $16::text[], $17::text[], $18::json[]) WITH ORDINALITY
        AS e (room_id, seq, behind, event_id, type, at, request_id, user_name, text, details, ordinal)
      JOIN taken ON taken.room_id = e.room_id
      WHERE (SELECT count(*) FROM gate) = 1
      ORDER BY e.ordinal
    )
    SELECT taken.room_id FROM taken`,
};

/** Deletes events that are forgotten but not swept yet, so that their ids can be used again. */
export const FREE_IDS: Statement = {
  name: 'free_ids',
  text: `
    DELETE FROM parlor.events e WHERE e.event_id = ANY ($1::uuid[])
      AND e.seq < (SELECT r.first_seq FROM parlor.rooms r WHERE r.room_id = e.room_id)
    RETURNING e.seq`,
};

/** Which of these event ids are taken. */
export const TAKEN_IDS: Statement = {
  name: 'taken_ids',
  text: `SELECT e.event_id FROM parlor.events e WHERE e.event_id = ANY ($1::uuid[])`,
};

/** The heads of rooms. */
export const HEADS: Statement = {
  name: 'heads',
  text: `SELECT r.room_id, r.head_seq FROM parlor.rooms r WHERE r.room_id = ANY ($1::text[])`,
};

/** Which rooms are locked by another session at this moment, so that an append has to wait. */
export const LOCKED_ROOMS: Statement = {
  name: 'locked_rooms',
  text: `
    WITH free AS MATERIALIZED (
      SELECT r.room_id FROM parlor.rooms r WHERE r.room_id = ANY ($1::text[]) FOR NO KEY UPDATE SKIP LOCKED
    )
    SELECT r.room_id FROM parlor.rooms r
    WHERE r.room_id = ANY ($1::text[]) AND NOT EXISTS (SELECT FROM free WHERE free.room_id = r.room_id)`,
};
