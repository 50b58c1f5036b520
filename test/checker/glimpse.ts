import { differenceOf } from './contents.js';
import type { Entry, Member, Message } from './history.js';
import type { Ledger } from './ledger.js';
import type { Violation } from './violations.js';

/** Promises 1 and 2: what a member was shown at a seq is what the store has there, and somebody posted it. */
export function checkGlimpse(ledger: Ledger, member: Member, entry: Entry): Violation[] {
  return entry.message
    ? checkMessage(ledger, member, entry.seq, entry.message)
    : checkFact(ledger, member, entry);
}

function checkMessage(ledger: Ledger, member: Member, seq: number, message: Message): Violation[] {
  const { room_id, name } = member;
  const { id } = message;
  const violations: Violation[] = [];
  if (!ledger.attempts.has(id)) violations.push({ kind: 'invented', id, by: name, room_id, seq });
  const places = (ledger.stored.get(id) ?? []).filter((place) => place.room_id === room_id);
  const [place] = places;
  if (!place) {
    violations.push({ kind: 'vanished', id, member: name, room_id, seq });
    return violations;
  }
  // A double in the store is reported as such: a member is right if it was shown one of the places.
  if (!places.some((one) => one.seq === seq))
    violations.push({ kind: 'wrong_seq', id, told: seq, by: name, room_id, seq: place.seq });
  const how = differenceOf(place.message, message);
  if (how !== null) violations.push({ kind: 'changed', id, by: name, how, room_id, seq });
  return violations;
}

/** A fact that is no message has no id on the wire: its place and type are what it is known by. */
function checkFact(ledger: Ledger, { room_id, name }: Member, { seq, type }: Entry): Violation[] {
  const isStored = ledger.facts.get(room_id)?.get(seq) === type;
  return isStored ? [] : [{ kind: 'vanished', id: type, member: name, room_id, seq }];
}
