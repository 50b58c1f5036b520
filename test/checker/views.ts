import { checkGlimpse } from './glimpse.js';
import type { Entry, Member, Session } from './history.js';
import { nameOf, type Ledger } from './ledger.js';
import type { Violation } from './violations.js';

/**
 * Promise 1, the members' part: over all its connections a member saw just what the store has, in its order, from its
 * first welcome to the last it saw, and to the head if it stayed.
 *
 * A connection with `since` goes on where the member was; one without, or one that was told that it is not recovered,
 * begins anew at the head its welcome tells: what lies between, the member was told to read elsewhere.
 */
export function checkViews(ledger: Ledger): Violation[] {
  return ledger.history.members.flatMap((member) => checkMember(ledger, member));
}

function checkMember(ledger: Ledger, member: Member): Violation[] {
  const { room_id, name } = member;
  const stored = ledger.rooms.get(room_id) ?? [];
  const violations: Violation[] = [];
  /** Everything up to here was shown, or lies before the first welcome; null: there was none yet. */
  let have: number | null = null;
  let seen = 0;
  for (const session of member.sessions) {
    const { head_seq, entries } = session;
    if (head_seq < seen)
      violations.push({ kind: 'head_went_back', room_id, seq: head_seq, member: name, seen });
    const from = startOf(session);
    const to = Math.max(from, ...entries.map(({ seq }) => seq));
    // What it does not ask for again it must have been shown before.
    if (have !== null && follows(session)) violations.push(...missed(member, stored, have, from, []));
    violations.push(...checkOrder(member, session), ...missed(member, stored, from, to, entries));
    violations.push(...entries.flatMap((entry) => checkGlimpse(ledger, member, entry)));
    have = follows(session) ? Math.max(have ?? 0, to) : to;
    seen = Math.max(seen, have);
  }
  if (member.stayed && have !== null) violations.push(...missed(member, stored, have, Infinity, []));
  return violations;
}

/** One connection shows each seq once, ascending, and nothing from before its start. */
function checkOrder({ room_id, name }: Member, session: Session): Violation[] {
  const violations: Violation[] = [];
  const shown = new Set<number>();
  let last = startOf(session);
  for (const entry of session.entries) {
    const { seq } = entry;
    const hadIt = shown.has(seq) || (follows(session) && seq <= startOf(session));
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

/** What this connection shows begins after this seq. */
function startOf(session: Session): number {
  return follows(session) ? (session.since ?? 0) : session.head_seq;
}
