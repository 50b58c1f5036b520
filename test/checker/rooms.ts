import { isSeq, type Room } from './history.js';
import { nameOf, type Ledger } from './ledger.js';
import type { Violation } from './violations.js';

/** Promise 1, the store's part: the seqs of a room are 1, 2, 3, … up to its head_seq, each there once, in order. */
export function checkRooms({ history }: Ledger): Violation[] {
  return history.rooms.flatMap(checkRoom);
}

function checkRoom({ room_id, head_seq, entries: all }: Room): Violation[] {
  const violations: Violation[] = [];
  const entries = all.filter(({ seq }) => isSeq(seq));
  const bySeq = new Map<number, string[]>();
  let last = 0;
  for (const entry of entries) {
    const { seq } = entry;
    bySeq.set(seq, [...(bySeq.get(seq) ?? []), nameOf(entry)]);
    if (seq < last) violations.push({ kind: 'store_unordered', room_id, seq, after: last });
    last = seq;
  }
  let next = 1;
  for (const [seq, ids] of [...bySeq].sort(([a], [b]) => a - b)) {
    if (seq > next) violations.push({ kind: 'hole', room_id, seq: next, to: seq - 1 });
    if (ids.length > 1) violations.push({ kind: 'seq_taken_twice', room_id, seq, ids });
    next = seq + 1;
  }
  if (next <= head_seq) violations.push({ kind: 'hole', room_id, seq: next, to: head_seq });
  const beyond = [...bySeq.keys()].filter((seq) => seq > head_seq).sort((a, b) => a - b);
  const [first = 0] = beyond;
  if (beyond.length > 0)
    violations.push({ kind: 'beyond_head', room_id, seq: first, to: beyond.at(-1) ?? first, head_seq });
  return violations;
}
