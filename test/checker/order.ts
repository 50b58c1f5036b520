import type { Attempt } from './history.js';
import type { Ledger } from './ledger.js';
import type { Violation } from './violations.js';

interface Settled {
  readonly id: string;
  readonly seq: number;
}

/**
 * Promise 1, the senders' part: what one connection posted into a room stands in the order in which it posted.
 *
 * A retry may stand elsewhere: its message may be there from an earlier attempt, or be missing until a later one. So a
 * post counts as first of two if it was there when this attempt was dealt with (answered with its seq, or never tried
 * again), and as second if this was its first attempt and all others came over the same connection: over another one
 * it may have been dealt with before the first of the two, which was still on its way here.
 */
export function checkOrder(ledger: Ledger): Violation[] {
  const violations: Violation[] = [];
  const furthest = new Map<string, Settled>();
  for (const attempt of ledger.history.attempts) {
    const { id, room_id, connection } = attempt;
    const all = ledger.attempts.get(id) ?? [];
    const places = (ledger.stored.get(id) ?? []).filter((place) => place.room_id === room_id);
    const [place] = places;
    // Of a double nobody knows which one was meant; it is reported as such.
    if (!place || places.length > 1) continue;
    const { seq } = place;
    const lane = JSON.stringify([connection, room_id]);
    const first = furthest.get(lane);
    const isFirst = all[0] === attempt && all.every((each) => each.connection === connection);
    if (first && isFirst && seq < first.seq)
      violations.push({
        kind: 'posts_unordered',
        connection,
        first: first.id,
        first_seq: first.seq,
        second: id,
        room_id,
        seq,
      });
    if (isSettledBy(attempt, all) && seq > (first?.seq ?? 0)) furthest.set(lane, { id, seq });
  }
  return violations;
}

/** Whether a message that is in the store was there at the latest when this attempt had been dealt with. */
function isSettledBy(attempt: Attempt, all: readonly Attempt[]): boolean {
  const { type } = attempt.answer;
  return type === 'posted' || (all.length === 1 && type !== 'refused');
}
