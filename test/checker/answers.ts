import { asksFor, differences } from './contents.js';
import type { Attempt } from './history.js';
import type { Ledger, StoredMessage } from './ledger.js';
import { hadSeat, seatsOf, settledAfter, type Seats } from './seats.js';
import type { Violation } from './violations.js';

/**
 * Codes that say nothing about whether a post will be there: the fault was not the post's. Every other code is the
 * room's own decision, so what it refused must not be there.
 */
const UNDECIDED: ReadonlySet<string> = new Set(['unavailable', 'internal', 'rate_limited', 'slow_consumer']);

/**
 * Promise 2: what was answered 201, ack or 202 is in the store, as what was posted and with the seq that was told.
 * Promise 4: an id is one message, and what was refused for good is none. Nothing is there that nobody posted.
 */
export function checkAnswers(ledger: Ledger): Violation[] {
  const violations: Violation[] = [];
  const seats = new Map(seatsOf(ledger.history).map((one) => [one.room.room_id, one]));
  for (const [id, attempts] of ledger.attempts) {
    const places = ledger.stored.get(id) ?? [];
    if (places.length === 0) violations.push(...attempts.flatMap((one) => lost(one, seats.get(one.room_id))));
    violations.push(...checkAnswersOf(attempts, places));
  }
  for (const [id, places] of ledger.stored) {
    const [place] = places;
    if (places.length > 1) violations.push({ kind: 'doubled_in_store', id, places: places.map(placeOf) });
    if (place && !ledger.attempts.has(id))
      violations.push({ kind: 'invented', id, by: 'the store', ...placeOf(place) });
  }
  return violations;
}

function lost({ id, room_id, user, sent_at, answer }: Attempt, seats: Seats | undefined): Violation[] {
  if (answer.type === 'posted') return [{ kind: 'lost', id, room_id, answer: `with seq ${answer.seq}` }];
  if (answer.type !== 'queued') return [];
  // It may be refused when its turn comes, if only members may post and its user is none by then.
  const mayBeRefused =
    seats?.room.post === 'members' &&
    !(user !== null && hadSeat(seats, user, sent_at, settledAfter(seats, sent_at)));
  return mayBeRefused ? [] : [{ kind: 'lost', id, room_id, answer: '202' }];
}

function checkAnswersOf(attempts: readonly Attempt[], places: readonly StoredMessage[]): Violation[] {
  const violations: Violation[] = [];
  for (const attempt of attempts) {
    const { id, room_id, answer } = attempt;
    const [place] = places;
    // A double is reported as such, and what was told is right if it is one of the places.
    if (answer.type === 'posted' && place && !places.some(({ seq }) => seq === answer.seq))
      violations.push({
        kind: 'wrong_seq',
        id,
        told: answer.seq,
        by: attempt.connection,
        ...placeOf(place),
      });
    const isTaken = attempts.some((other) => other !== attempt && !isSamePost(other, attempt));
    if (answer.type === 'refused' && answer.code === 'id_conflict' && !isTaken)
      violations.push({ kind: 'false_conflict', id, room_id });
  }
  for (const place of places) violations.push(...checkContent(attempts, place));
  return violations;
}

/** What the store has must be what an attempt asked for that may have been carried out. */
function checkContent(attempts: readonly Attempt[], place: StoredMessage): Violation[] {
  const { room_id, message } = place;
  const { id } = message;
  const how = differences(attempts, room_id, message);
  if (how !== null) return [{ kind: 'changed', id, by: 'the store', how, ...placeOf(place) }];
  const violations: Violation[] = [];
  // An id that was posted with two contents: only one of them can have been accepted.
  for (const attempt of attempts.filter(({ answer }) => answer.type === 'posted')) {
    const other = differences([attempt], room_id, message);
    if (other !== null)
      violations.push({ kind: 'changed', id, by: attempt.connection, how: other, ...placeOf(place) });
  }
  const refusals = attempts
    .filter((attempt) => asksFor(attempt, room_id, message))
    .map(({ answer }) => (answer.type === 'refused' && !UNDECIDED.has(answer.code) ? answer.code : null));
  const [code] = refusals;
  if (typeof code === 'string' && !refusals.includes(null))
    violations.push({ kind: 'refused_but_stored', id, code, ...placeOf(place) });
  return violations;
}

function isSamePost(a: Attempt, b: Attempt): boolean {
  return a.room_id === b.room_id && a.user === b.user && a.text === b.text;
}

function placeOf({ room_id, seq }: StoredMessage): { room_id: string; seq: number } {
  return { room_id, seq };
}
