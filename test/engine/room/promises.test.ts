import t from 'tap';
import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { checker } from '../../../engine/messages/check.js';
import { RoomEvent } from '../../../engine/messages/events.js';
import { evolve } from '../../../engine/room/evolve.js';
import { placesOf, policyOf } from '../../../engine/room/state.js';
import { decide } from '../../../engine/room/decide.js';
import { nextExpiry } from '../../../engine/room/seating.js';
import { at, eventsOf, live, lives, plain, seatsOf, seqsOf, type Life, type Moment } from './script.js';

/** States `promise` over whole lives of a room; it answers what is wrong, or null. */
function promises(name: string, promise: (moments: Moment[], life: Life) => string | null): void {
  t.test(name, async (t) => {
    const property = fc.property(lives, (life) => {
      const wrong = promise(live(life), life);
      if (wrong !== null) throw new Error(wrong);
    });
    t.doesNotThrow(() => fc.assert(property, { numRuns: 1_000 }));
  });
}

/** The first moment for which something is wrong. */
function atEach(wrong: (moment: Moment) => string | null): (moments: Moment[]) => string | null {
  return (moments) => moments.map(wrong).find((one) => one !== null) ?? null;
}

promises(
  'nobody gets a seat beyond the capacity, but for those who had theirs when the roll is called',
  atEach(({ before, after }) => {
    if (before.calling) return null;
    const { capacity } = policyOf(after);
    const more = after.seats.size > before.seats.size;
    return more && capacity !== null && after.seats.size > capacity
      ? `${after.seats.size} seats of ${capacity}`
      : null;
  }),
);

promises(
  'seqs are 1, 2, 3, … without a gap over everything that is stored, over crashes, closing and opening',
  (moments) => {
    const seqs = seqsOf(moments);
    return seqs.every((seq, i) => seq === i + 1) ? null : seqs.join();
  },
);

promises('head_seq is the number of durable events', (moments) => {
  const head = moments.at(-1)?.after.head_seq ?? 0;
  return head === seqsOf(moments).length
    ? null
    : `head_seq ${head}, ${seqsOf(moments).length} durable events`;
});

promises('every event fits its schema', (moments) => {
  const check = checker(RoomEvent);
  const wrong = eventsOf(moments).find((event) => check(event) !== null);
  return wrong ? JSON.stringify([wrong, check(wrong)]) : null;
});

promises(
  'deciding is pure: the same state and command give the same decision, and the state stays as it was',
  atEach(({ step, before }) => {
    if (step.do !== 'command') return null;
    const was = plain(before);
    const first = decide(before, step.command, at(7));
    const second = decide(before, step.command, at(7));
    const plainly = (one: typeof first): unknown =>
      one.type === 'wait' ? one : { ...one, state: plain(one.state) };
    if (!isDeepStrictEqual(plain(before), was)) return 'the state was changed';
    return isDeepStrictEqual(plainly(first), plainly(second))
      ? null
      : `${step.command.type} was decided in two ways`;
  }),
);

promises(
  'the state after a decision is what its facts make of the state before',
  atEach(({ before, after, facts, step }) =>
    step.do === 'command' && !isDeepStrictEqual(plain(facts.reduce(evolve, before)), plain(after))
      ? step.command.type
      : null,
  ),
);

promises(
  'a refusal changes nothing',
  atEach(({ answer, before, after, facts }) =>
    answer !== null &&
    (answer === 'wait' || answer.type === 'refused') &&
    (facts.length > 0 || before !== after)
      ? JSON.stringify(answer)
      : null,
  ),
);

promises(
  'only a room that calls the roll makes anybody wait',
  atEach(({ answer, before }) =>
    answer === 'wait' && !before.calling ? 'a command waits for nothing' : null,
  ),
);

promises(
  'a user holds one seat, with each connection in it once, and a seat without any is on the list of those to be freed',
  atEach(({ after }) => {
    for (const [user, seat] of after.seats) {
      const connections = placesOf(seat);
      const ids = connections.map(({ connection_id }) => connection_id);
      if (new Set(ids).size !== ids.length) return `${user} has ${ids.join()}`;
      if ((connections.length === 0) !== after.gone.has(user))
        return `${user} with ${connections.length} connections`;
    }
    const strangers = [...after.gone.keys()].filter((user) => !after.seats.has(user));
    return strangers.length > 0 ? `${strangers.join()} is gone and has no seat` : null;
  }),
);

promises(
  'joined and left agree with the seats: who applies them to what welcome said always knows who is there',
  atEach(({ step, before, after, facts }) => {
    // What is asserted during a roll call is what clients believe already.
    if (step.do === 'rebuild' || before.calling) return null;
    const users = new Set(before.seats.keys());
    for (const fact of facts) {
      if (fact.type === 'member_joined') {
        if (users.has(fact.user)) return `${fact.user} joined twice`;
        users.add(fact.user);
      }
      if (fact.type === 'member_left' || fact.type === 'member_kicked') {
        if (!users.delete(fact.user)) return `${fact.user} left without a seat`;
      }
      if (fact.type === 'room_closed') users.clear();
      if (
        (fact.type === 'member_joined' || fact.type === 'member_left') &&
        fact.member_count !== users.size
      ) {
        return `member_count ${fact.member_count}, but ${users.size} are there`;
      }
    }
    return isDeepStrictEqual([...users].sort(), seatsOf(after))
      ? null
      : `${[...users].join()} is not ${seatsOf(after).join()}`;
  }),
);

promises(
  'a room that is closed takes no post, no join and no seat until it is opened',
  atEach(({ step, before, after, answer }) => {
    if (before.status !== 'closed' || step.do !== 'command') return null;
    const { type } = step.command;
    if (after.seats.size > 0) return `${type} gave a seat`;
    if (after.status !== 'closed' && type !== 'open') return `${type} opened it`;
    const refused =
      answer !== null && answer !== 'wait' && answer.type === 'refused' && answer.code === 'room_closed';
    return (type === 'post' || type === 'join') && !refused
      ? `${type} was answered ${JSON.stringify(answer)}`
      : null;
  }),
);

promises(
  'only an open room has seats',
  atEach(({ after }) =>
    after.status !== 'open' && after.seats.size > 0 ? `${after.status} with seats` : null,
  ),
);

promises(
  'a seat is kept for exactly its time of grace',
  atEach(({ step, before, after }) => {
    if (step.do !== 'pass') return null;
    const due = nextExpiry(before);
    if (due === null) return isDeepStrictEqual(seatsOf(before), seatsOf(after)) ? null : 'a seat was freed';
    const left = nextExpiry(after);
    return left !== null && left < due ? 'the next to be freed is due before the last one was' : null;
  }),
);

promises(
  'opening an open room with the policy it has, and closing a closed one, do nothing',
  atEach(({ after, before, facts, step }) => {
    if (step.do !== 'command') return null;
    const { command } = step;
    if (command.type !== 'open' && command.type !== 'close') return null;
    const again = decide(after, command, at(9));
    const changed = facts.length > 0 || before !== after;
    if (!changed || again.type === 'wait') return null;
    const news = again.facts.filter(({ type }) => type !== 'history_purged');
    return news.length > 0 ? `${command.type} twice gives ${news.map(({ type }) => type).join()}` : null;
  }),
);
