import { checkGlimpse } from './glimpse.js';
import { isSeq, type Entry, type Member, type Session } from './history.js';
import { nameOf, type Ledger } from './ledger.js';
import type { Violation } from './violations.js';

/**
 * Promise 1, the members' part: over all its connections a member saw just what the store has, in its order, from its
 * first welcome to the last it saw, and to the head if it stayed.
 *
 * A connection with `since` goes on where the member was; one without, or one that was told that it is not recovered,
 * begins anew at the head its welcome tells: what lies between, the member was told to read elsewhere. A member has
 * no more than it was shown or told is stored: asking for what comes after some seq makes it have nothing.
 */
export function checkViews(ledger: Ledger): Violation[] {
  return ledger.history.members.flatMap((member) => checkMember(ledger, member));
}

function checkMember(ledger: Ledger, member: Member): Violation[] {
  const { room_id, name } = member;
  const stored = ledger.rooms.get(room_id);
  // Without a reading there is nothing to compare with, and that is a violation already.
  if (!stored) return [];
  const end = stored.at(-1)?.seq ?? 0;
  const violations: Violation[] = [];
  /** Everything up to here was shown, or lies before the first welcome; null: there was none yet. */
  let have: number | null = null;
  /** The greatest seq that it was shown, or that a welcome told. */
  let seen = 0;
  for (const told of member.sessions) {
    const session = { ...told, entries: told.entries.filter(({ seq }) => isSeq(seq)) };
    const { head_seq, entries } = session;
    if (head_seq < seen)
      violations.push({ kind: 'head_went_back', room_id, seq: head_seq, member: name, seen });
    if (head_seq > end)
      violations.push({ kind: 'head_not_stored', room_id, seq: head_seq, member: name, stored: end });
    const from = startOf(session, have);
    const to = Math.max(from, ...entries.map(({ seq }) => seq));
    // What it does not ask for again it must have been shown before.
    if (have !== null && follows(session)) violations.push(...missed(member, stored, have, from, []));
    violations.push(...checkOrder(member, session, from), ...missed(member, stored, from, to, entries));
    violations.push(...entries.flatMap((entry) => checkGlimpse(ledger, member, entry)));
    have = follows(session) ? Math.max(have ?? 0, to) : to;
    seen = Math.max(seen, have, head_seq);
  }
  if (member.stayed && have !== null) violations.push(...missed(member, stored, have, Infinity, []));
  return violations;
}

/** One connection shows each seq once, ascending, and nothing from before its start. */
function checkOrder({ room_id, name }: Member, session: Session, start: number): Violation[] {
  const violations: Violation[] = [];
  const shown = new Set<number>();
  let last = start;
  for (const entry of session.entries) {
    const { seq } = entry;
    const hadIt = shown.has(seq) || (follows(session) && seq <= start);
    if (hadIt) violations.push({ kind: 'doubled_in_view', id: nameOf(entry), room_id, seq, member: name });
    else if (seq <= last)
      violations.push({ kind: 'view_unordered', room_id, seq, member: name, after: last });
    shown.add(seq);
    last = Math.max(last, seq);
  }
  return violations;
}

/** What the store has after `from` and up to `to` and was not among `shown`: one violation for each stretch of it. */
function missed(
  { room_id, name }: Member,
  stored: readonly Entry[],
  from: number,
  to: number,
  shown: readonly Entry[],
): Violation[] {
  const seqs = new Set(shown.map(({ seq }) => seq));
  const stretches: Entry[][] = [];
  let stretch: Entry[] = [];
  for (const entry of stored) {
    if (entry.seq <= from || entry.seq > to) continue;
    if (seqs.has(entry.seq)) stretch = [];
    else if (stretch.push(entry) === 1) stretches.push(stretch);
  }
  return stretches.map((entries) => ({
    kind: 'missed',
    room_id,
    member: name,
    seq: entries.at(0)?.seq ?? 0,
    to: entries.at(-1)?.seq ?? 0,
    ids: entries.map(nameOf),
  }));
}

/** Whether what was missed follows the welcome. */
function follows({ since, recovered }: Session): boolean {
  return since !== null && recovered !== false;
}

/** What this connection shows begins after this seq; `have` is up to where the member was shown everything before. */
function startOf(session: Session, have: number | null): number {
  const { since, head_seq } = session;
  return follows(session) ? Math.min(since ?? 0, Math.max(head_seq, have ?? 0)) : head_seq;
}
