import { errorText } from '../../engine/errors.js';
import type { Append, AppendResult, Clock, Log } from '../../engine/ports.js';
import { isStorable } from '../stores/columns.js';
import { groupsOf, parametersOf, type Group } from './batch.js';
import { isAboutValues, isAnswer, isLocked, isMeeting, isTooSlow, violated } from './faults.js';
import type { Line } from './line.js';
import { sortOut, type Sorted } from './sort-out.js';
import { FREE_IDS, STORE_ROOMS_AND_EVENTS } from './statements.js';

/** Appends in one statement at most. */
const APPENDS_AT_ONCE = 4_096;
/** Into so many parts a commit is divided to find what spoils it: from 4,096 to a single append in three steps. */
const PARTS = 16;
/** How often an append that met another one is tried. */
const TRIES = 3;
/** Later than after so many times `timeoutMs`, what takes too long is not divided further. */
const PATIENCE = 5;

export interface CommitOptions {
  /** The connection for writing, which is used for nothing else that takes long. */
  readonly line: Line;
  readonly timeoutMs: number;
  readonly log: Log;
  readonly clock: Clock;
  /** Whether it is known that nothing can be written now. */
  readonly isDown: () => boolean;
  /** Called with what ended a commit before all of it was tried. */
  readonly failed: (error: unknown) => void;
}

type Results = Map<Append, AppendResult>;

/**
 * Makes appends, in as few transactions as their order and size allow. What spoils a transaction is found and left
 * out, and the rest is made. Rejects if nothing was made, or if it cannot tell what was.
 */
export function createCommit(
  options: CommitOptions,
): (appends: readonly Append[]) => Promise<AppendResult[]> {
  const { line, timeoutMs, log, clock, isDown, failed } = options;

  async function commit(appends: readonly Append[]): Promise<AppendResult[]> {
    const results: Results = new Map();
    const deadline = clock.elapsed() + PATIENCE * timeoutMs;
    const storable = appends.filter((append) => {
      if (isStorable(append)) return true;
      results.set(append, 'failed');
      log.error({ room_id: append.room.room_id }, 'postgres: a text that cannot be stored was not stored');
      return false;
    });
    try {
      await make(storable, results, APPENDS_AT_ONCE, deadline);
    } catch (error) {
      failed(error);
      // What is made is made, and to say so is worth more than the error; that one is told to the health.
      if (results.size === 0 || !isAnswer(error)) throw error;
      log.error(
        { cause: errorText(error), appends: appends.length - results.size },
        'postgres: part of a commit failed',
      );
    }
    return appends.map((append) => results.get(append) ?? 'failed');
  }

  async function make(
    appends: readonly Append[],
    results: Results,
    most: number,
    deadline: number,
  ): Promise<void> {
    for (let rest = appends; rest.length > 0;) {
      const { groups, count } = groupsOf(rest, most);
      const these = rest.slice(0, count);
      rest = rest.slice(count);
      try {
        await makeAtOnce(these, groups, results);
      } catch (error) {
        if (isTooSlow(error) ? isDown() || clock.elapsed() > deadline : !isAboutValues(error)) throw error;
        const [only] = these;
        if (these.length === 1 && only !== undefined) results.set(only, await makeOne(only, error, 1));
        else await makeApart(these, error, results, deadline);
      }
    }
  }

  async function makeAtOnce(
    appends: readonly Append[],
    groups: readonly Group[],
    results: Results,
  ): Promise<void> {
    const rows = await line.run(STORE_ROOMS_AND_EVENTS, parametersOf(appends, groups));
    const taken = new Set(rows.map(([room_id]) => room_id));
    // What stands on a fenced append is fenced with it: it was decided on something that is not there.
    for (const group of groups)
      for (const append of group.appends)
        results.set(append, taken.has(group.room_id) ? 'committed' : 'fenced');
  }

  /** Some of them spoil the transaction of all. */
  async function makeApart(
    appends: readonly Append[],
    error: unknown,
    results: Results,
    deadline: number,
  ): Promise<void> {
    const { decided, rest } = await sortOut(line, appends, error);
    for (const [append, result] of decided) results.set(append, result);
    if (isLocked(error) && decided.size > 0)
      log.error(
        { rooms: roomsOf(decided) },
        'postgres: rooms that somebody else has locked were not written',
      );
    // Where it does not show which, they are found by parts, which keeps their order.
    const most = decided.size > 0 ? APPENDS_AT_ONCE : Math.ceil(appends.length / PARTS);
    await make(rest, results, most, deadline);
  }

  /** What becomes of a single append that PostgreSQL has refused with `error`. */
  async function makeOne(append: Append, error: unknown, tries: number): Promise<AppendResult> {
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
      if (!isAboutValues(again) && !isTooSlow(again)) throw again;
      return makeOne(append, again, tries + 1);
    }
  }

  return commit;
}

/** The first few of the rooms, for a log line. */
function roomsOf(decided: Sorted['decided']): string[] {
  return [...new Set([...decided.keys()].map(({ room }) => room.room_id))].slice(0, 10);
}
