import { isSeq, type Entry, type History } from './history.js';
import { nameOf } from './ledger.js';
import type { Violation } from './violations.js';

/** Everything in a history that should be a seq and cannot be one. What compares seqs leaves it out. */
export function checkSeqs({ attempts, members, rooms }: History): Violation[] {
  const violations: Violation[] = [];
  const expect = (isFine: boolean, by: string, room_id: string, what: string, seq: number): void => {
    if (!isFine) violations.push({ kind: 'bad_seq', by, room_id, what, seq });
  };
  const expectHead = (by: string, room_id: string, what: string, seq: number): void =>
    expect(seq === 0 || isSeq(seq), by, room_id, what, seq);
  const expectEntries = (by: string, room_id: string, entries: readonly Entry[]): void => {
    for (const entry of entries)
      expect(isSeq(entry.seq), by, room_id, `the seq of ${nameOf(entry)}`, entry.seq);
  };

  for (const { connection, room_id, id, answer } of attempts) {
    if (answer.type === 'posted')
      expect(isSeq(answer.seq), connection, room_id, `the seq of ${id}`, answer.seq);
  }
  for (const { room_id, name, sessions } of members) {
    for (const { since, head_seq, entries } of sessions) {
      if (since !== null) expectHead(name, room_id, 'a since', since);
      expectHead(name, room_id, 'a head_seq', head_seq);
      expectEntries(name, room_id, entries);
    }
  }
  for (const { room_id, head_seq, entries } of rooms) {
    expectHead('the store', room_id, 'a head_seq', head_seq);
    expectEntries('the store', room_id, entries);
  }
  return violations;
}
