import { isUuid } from '../../engine/ids.js';
import type { Append, AppendResult } from '../../engine/ports.js';
import { isLocked, violated } from './faults.js';
import type { Line } from './line.js';
import { FREE_IDS, HEADS, LOCKED_ROOMS, TAKEN_IDS } from './statements.js';

/**
 * Finds out with a few queries which of many appends made their common transaction fail with `error`: those of locked
 * rooms, or those whose event ids are taken. Resolves with the results of these, which must not be committed with
 * the others. For other errors nothing is decided.
 */
export async function sortOut(
  line: Line,
  appends: readonly Append[],
  error: unknown,
): Promise<ReadonlyMap<Append, AppendResult>> {
  const decided = new Map<Append, AppendResult>();
  const ids = [...new Set(appends.map(({ room }) => room.room_id))];
  if (isLocked(error)) {
    const locked = new Set((await line.run(LOCKED_ROOMS, [ids])).map(([id]) => id));
    for (const append of appends) if (locked.has(append.room.room_id)) decided.set(append, 'failed');
  } else if (violated(error) === 'events_event_id_key' && !appends.some(forgets)) {
    const eventIds = appends.flatMap(({ events }) => events.map(idOf)).filter(isUuid);
    await line.run(FREE_IDS, [eventIds]);
    const taken = new Set((await line.run(TAKEN_IDS, [eventIds])).map(([id]) => String(id)));
    const heads = new Map((await line.run(HEADS, [ids])) as [string, number][]);
    for (const [append, result] of repeats(appends, taken, heads)) decided.set(append, result);
  }
  return decided;
}

/** Whether an append may free ids that a later one uses. If so, they have to be committed one after the other. */
function forgets({ purge_before }: Append): boolean {
  return purge_before !== undefined;
}

function idOf({ event_id }: { readonly event_id: string }): string {
  return event_id.toLowerCase();
}

/**
 * Which appends would fail if all were committed one by one in the present state: those with an id that is taken or occurs
 * before, and those that do not start at the head of their room, for example because the one before them has failed.
 */
function repeats(
  appends: readonly Append[],
  taken: Set<string>,
  heads: Map<string, number>,
): Map<Append, AppendResult> {
  const found = new Map<Append, AppendResult>();
  for (const append of appends) {
    const { room, events } = append;
    const ids = events.map(idOf);
    if ((heads.get(room.room_id) ?? 0) !== room.head_seq - events.length) found.set(append, 'fenced');
    else if (new Set(ids).size < ids.length || ids.some((id) => taken.has(id)))
      found.set(append, 'duplicate');
    else {
      heads.set(room.room_id, room.head_seq);
      for (const id of ids) taken.add(id);
    }
  }
  return found;
}
