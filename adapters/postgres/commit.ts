import { errorText } from '../../engine/errors.js';
import type { Append, AppendResult, Clock, Log } from '../../engine/ports.js';
import { isStorable } from '../stores/columns.js';
import { inOrder } from '../stores/in-order.js';
import { groupsOf, parametersOf, type Group } from './batch.js';
import { isAboutValues, isAnswer, isLocked, isCollision, isTooSlow, violated } from './faults.js';
import type { Line } from './line.js';
import { sortOut } from './sort-out.js';
import { FREE_IDS, STORE_ROOMS_AND_EVENTS } from './statements.js';

/** Most appends in one statement. */
const APPENDS_AT_ONCE = 4_096;
/** A commit that fails is divided into this many parts to find the append at fault: three steps from 4,096 to one. */
const PARTS = 16;
/** How often an append is tried that collides with another transaction. */
const TRIES = 3;
/** After this many times `timeoutMs`, a commit that is too slow is not divided further. */
const PATIENCE = 5;

export interface CommitOptions {
  /** The connection for writing. It must not be used for anything else that takes long. */
  readonly line: Line;
  readonly timeoutMs: number;
  readonly log: Log;
  readonly clock: Clock;
  /** Whether it is known that nothing can be written at the moment. */
  readonly isDown: () => boolean;
  /** Called with the error that aborted a commit part-way. */
  readonly failed: (error: unknown) => void;
}

type Results = Map<Append, AppendResult>;

/**
 * Commits appends, in as few transactions as their order and size allow. An append that makes its transaction fail is
 * found and left out, and the others are committed. Rejects if nothing was committed, or if it is unknown what was.
 */
export function createCommit(
  options: CommitOptions,
): (appends: readonly Append[]) => Promise<AppendResult[]> {
  const { line, timeoutMs, log, clock, isDown, failed } = options;

  async function commit(appends: readonly Append[]): Promise<AppendResult[]> {
    const results: Results = new Map();
    const deadline = clock.elapsed() + PATIENCE * timeoutMs;
    for (const append of appends) {
      if (isStorable(append)) continue;
      results.set(append, 'failed');
      log.error({ room_id: append.room.room_id }, 'postgres: a text that cannot be stored was not stored');
    }
    try {
      await make(undecided(appends, results), results, APPENDS_AT_ONCE, deadline);
    } catch (error) {
      failed(error);
      // Part of it is committed, and the caller has to learn that rather than the error, which the health has by now.
      if (results.size === 0 || !isAnswer(error)) throw error;
      log.error(
        { cause: errorText(error), appends: appends.length - results.size },
        'postgres: part of a commit failed',
      );
    }
    return inOrder(appends, roomOf, (append) => results.get(append) ?? 'failed');
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
      try {
        await makeAtOnce(these, groups, results);
      } catch (error) {
        if (isTooSlow(error) ? isDown() || clock.elapsed() > deadline : !isAboutValues(error)) throw error;
        const [only] = these;
        if (these.length === 1 && only !== undefined) results.set(only, await makeOne(only, error, 1));
        else await makeApart(these, error, results, deadline);
      }
      rest = undecided(rest, results);
    }
  }

  async function makeAtOnce(
    appends: readonly Append[],
    groups: readonly Group[],
    results: Results,
  ): Promise<void> {
    const rows = await line.run(STORE_ROOMS_AND_EVENTS, parametersOf(appends, groups));
    const taken = new Set(rows.map(([room_id]) => room_id));
    // An append that follows a fenced one is fenced with it: it was decided on a state that does not exist.
    for (const group of groups)
      for (const append of group.appends)
        results.set(append, taken.has(group.room_id) ? 'committed' : 'fenced');
  }

  /** Commits appends of which some have made the common transaction fail, with `error`. */
  async function makeApart(
    appends: readonly Append[],
    error: unknown,
    results: Results,
    deadline: number,
  ): Promise<void> {
    const decided = await sortOut(line, appends, error);
    for (const [append, result] of decided) results.set(append, result);
    if (isLocked(error) && decided.size > 0)
      log.error(
        { rooms: roomsOf(decided) },
        'postgres: rooms that another session has locked were not written',
      );
    // If nothing shows which ones, they are searched for in parts, which keeps the order.
    const most = decided.size > 0 ? APPENDS_AT_ONCE : Math.ceil(appends.length / PARTS);
    await make(undecided(appends, results), results, most, deadline);
  }

  /** Decides about a single append that PostgreSQL has refused with `error`. */
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
    } else if (!isCollision(error) || tries === TRIES) {
      log.error({ cause: errorText(error), room_id: append.room.room_id }, 'postgres: an append was refused');
      return 'failed';
    }
    try {
      const { groups } = groupsOf([append]);
      const rows = await line.run(STORE_ROOMS_AND_EVENTS, parametersOf([append], groups));
      return rows.length === 1 ? 'committed' : 'fenced';
    } catch (next) {
      if (!isAboutValues(next) && !isTooSlow(next)) throw next;
      return makeOne(append, next, tries + 1);
    }
  }

  return commit;
}

function roomOf({ room }: Append): string {
  return room.room_id;
}

/** The appends that have no result yet. What follows one of its room that was not committed is fenced (in-order.ts). */
function undecided(appends: readonly Append[], results: Results): Append[] {
  const rest: Append[] = [];
  const seen = inOrder(appends, roomOf, (append) => results.get(append) ?? 'committed');
  for (const [at, append] of appends.entries())
    if (seen[at] === 'fenced') results.set(append, 'fenced');
    else if (!results.has(append)) rest.push(append);
  return rest;
}

/** The first few of the rooms, for a log line. */
function roomsOf(decided: ReadonlyMap<Append, AppendResult>): string[] {
  return [...new Set([...decided.keys()].map(roomOf))].slice(0, 10);
}
