import { errorText } from '../../engine/errors.js';
import type { Append, AppendResult, Log } from '../../engine/ports.js';
import { groupsOf, isStorable, parametersOf, type Group } from './batch.js';
import { isAboutValues, isAnswer, isMeeting, violated } from './faults.js';
import type { Line, Statement } from './line.js';
import { GATE } from './positions.js';

/**
 * A whole commit: rooms and events of many appends, one round trip, one transaction. Answers the ids of the rooms
 * that were taken; of the others nothing is stored.
 *
 * A room is taken if its head is what the append stands on. `ON CONFLICT` locks the row, waiting for a transaction
 * that has just changed it, and its WHERE is evaluated on what that one left: of two nodes that write the same seq one
 * is taken, whatever their snapshots show. (excluded.prior_seq is the head that the append stands on.) A room that is
 * new here may only begin at seq 1. Rooms are locked in the order given, so that two nodes do not wait for each other.
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

/** Takes away what is forgotten and only not swept yet, so that its ids can be used again. */
const FREE_IDS: Statement = {
  name: 'free_ids',
  text: `
    DELETE FROM parlor.events e WHERE e.event_id = ANY ($1::uuid[])
      AND e.seq < (SELECT r.first_seq FROM parlor.rooms r WHERE r.room_id = e.room_id)
    RETURNING e.seq`,
};

/** Appends in one statement at most, and about so many events: well within the time that a statement has. */
const APPENDS_AT_ONCE = 4_096;
const EVENTS_AT_ONCE = 8_192;
/** How often an append that met another one is tried. */
const TRIES = 3;

interface Call {
  readonly appends: readonly Append[];
  readonly events: number;
  readonly resolve: (results: AppendResult[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The way of the appends into the database. Calls are made in their order, one commit at a time; calls that come
 * meanwhile share the next one.
 *
 * When a call rejects because the connection was lost, its commit may be under way all the same and be seen later. No
 * reader is deceived by that unnoticed: whoever loaded the room before it stands on a head that it moves, and their
 * next append is fenced. Likewise the late one is not taken if the room has gone on meanwhile.
 */
export function createAppender(
  line: Line,
  log: Log,
): (appends: readonly Append[]) => Promise<AppendResult[]> {
  const waiting: Call[] = [];
  let working = false;

  async function work(): Promise<void> {
    working = true;
    for (let calls = next(); calls.length > 0; calls = next()) {
      try {
        const results = await commit(calls.flatMap(({ appends }) => appends));
        let from = 0;
        for (const { appends, resolve } of calls) resolve(results.slice(from, (from += appends.length)));
      } catch (error) {
        for (const { reject } of calls) reject(error);
      }
    }
    working = false;
  }

  /** The calls of the next commit: at least one, whatever its size. */
  function next(): Call[] {
    let [appends, events, count] = [0, 0, 0];
    for (const call of waiting) {
      appends += call.appends.length;
      events += call.events;
      if (count > 0 && (appends > APPENDS_AT_ONCE || events > EVENTS_AT_ONCE)) break;
      count += 1;
    }
    return waiting.splice(0, count);
  }

  /** Makes appends in their order, in as few statements as that allows. */
  async function commit(appends: readonly Append[]): Promise<AppendResult[]> {
    const results = new Map<Append, AppendResult>();
    let rest = appends.filter((append) => {
      if (isStorable(append)) return true;
      results.set(append, 'failed');
      log.error({ room_id: append.room.room_id }, 'postgres: a text that cannot be stored was not stored');
      return false;
    });
    while (rest.length > 0) {
      const { groups, count } = groupsOf(rest);
      await commitGroups(rest.slice(0, count), groups, results);
      rest = rest.slice(count);
    }
    return appends.map((append) => results.get(append) ?? 'failed');
  }

  async function commitGroups(
    appends: readonly Append[],
    groups: readonly Group[],
    results: Map<Append, AppendResult>,
  ): Promise<void> {
    try {
      const rows = await line.run(STORE_ROOMS_AND_EVENTS, parametersOf(appends, groups));
      const taken = new Set(rows.map(([room_id]) => room_id));
      // What stands on a fenced append is fenced with it: it was decided on something that is not there.
      for (const group of groups)
        for (const append of group.appends)
          results.set(append, taken.has(group.room_id) ? 'committed' : 'fenced');
    } catch (error) {
      if (!isAboutValues(error)) throw error;
      const [only] = appends;
      if (appends.length === 1 && only !== undefined) results.set(only, await commitOne(only, error, 1));
      else await commitHalves(appends, results);
    }
  }

  /** One of them spoils the transaction of all: finds it by halves, which keeps their order. */
  async function commitHalves(appends: readonly Append[], results: Map<Append, AppendResult>): Promise<void> {
    const middle = Math.ceil(appends.length / 2);
    for (const [i, half] of [appends.slice(0, middle), appends.slice(middle)].entries()) {
      try {
        const made = await commit(half);
        half.forEach((append, k) => results.set(append, made[k] ?? 'failed'));
      } catch (error) {
        // The first half is made, and to say so is worth more than the error; that one is told to the health.
        if (i === 0 || !isAnswer(error)) throw error;
        log.error({ cause: errorText(error), appends: half.length }, 'postgres: part of a commit failed');
        for (const append of half) results.set(append, 'failed');
      }
    }
  }

  /** What becomes of a single append that PostgreSQL has refused with `error`. */
  async function commitOne(append: Append, error: unknown, tries: number): Promise<AppendResult> {
    const constraint = violated(error);
    if (constraint === 'events_event_id_key') {
      const freed = await line.run(FREE_IDS, [append.events.map(({ event_id }) => event_id)]);
      if (freed.length === 0 || tries === TRIES) return 'duplicate';
    } else if (constraint === 'events_pkey') {
      log.error(
        { room_id: append.room.room_id },
        'postgres: a room has events beyond its head; it is fenced until that is repaired',
      );
      return 'fenced';
    } else if (!isMeeting(error) || tries === TRIES) {
      log.error({ cause: errorText(error), room_id: append.room.room_id }, 'postgres: an append was refused');
      return 'failed';
    }
    try {
      const { groups } = groupsOf([append]);
      const rows = await line.run(STORE_ROOMS_AND_EVENTS, parametersOf([append], groups));
      return rows.length === 1 ? 'committed' : 'fenced';
    } catch (again) {
      if (!isAboutValues(again)) throw again;
      return commitOne(append, again, tries + 1);
    }
  }

  return (appends) =>
    new Promise((resolve, reject) => {
      const events = appends.reduce((sum, one) => sum + one.events.length, 0);
      waiting.push({ appends, events, resolve, reject });
      if (!working) void work();
    });
}
