import t from 'tap';
import fc from 'fast-check';
import type { Joined } from '../../engine/messages/answers.js';
import { Roster, type PresenceEvent } from '../../engine/roster.js';
import { withoutKicked } from '../../engine/catch-up.js';
import { BARE } from '../../engine/room/presets.js';

const LIMIT = 100;
/** The version before the first change. */
const FIRST = 1_000;
const ROOM = { room_id: 'r', at: '2026-11-28T00:00:00.000Z' };
const USERS = ['ann', 'bob', 'cat', 'dan'];

interface Change {
  readonly event: PresenceEvent;
  /** The members after it. */
  readonly members: readonly string[];
}

/** What a room tells of its members: each number makes the user with that number come, or go if there already. */
function changesOf(comings: readonly number[]): Change[] {
  let members: string[] = [];
  return comings.map((who, i) => {
    const user = USERS[who % USERS.length] ?? '';
    const isThere = members.includes(user);
    members = isThere ? members.filter((one) => one !== user) : [...members, user];
    const rest = { user, members_version: FIRST + i + 1 };
    const event: PresenceEvent = !isThere
      ? { type: 'member_joined', ...ROOM, ...rest, member_count: members.length }
      : who < USERS.length
        ? { type: 'member_left', ...ROOM, ...rest, member_count: members.length }
        : { type: 'member_kicked', ...ROOM, ...rest, event_id: `e${i}`, seq: i + 1 };
    return { event, members };
  });
}

function answerAfter(changes: readonly Change[], count: number): Joined {
  const members = changes[count - 1]?.members ?? [];
  const { room_id, at } = ROOM;
  const view = { policy: BARE, head_seq: 0, created_at: at, status: 'open' as const };
  const room = { room_id, members, member_count: members.length, ...view };
  return { type: 'joined', room, at, members_version: FIRST + count, home: 'home', call_id: 'call' };
}

const sorted = (names: readonly string[] | null): string => [...(names ?? ['unknown'])].sort().join(' ');

void t.test(
  'whatever overtakes the answer to a join, or is told twice, the list is right in the end',
  async (t) => {
    const life = fc.record({
      comings: fc.array(fc.nat(7), { minLength: 1, maxLength: 12 }),
      answeredAfter: fc.nat(12),
      answerArrives: fc.nat(12),
      twice: fc.nat(12),
      early: fc.boolean(),
    });
    const property = fc.property(life, ({ comings, answeredAfter, answerArrives, twice, early }) => {
      const changes = changesOf(comings);
      const answer = answerAfter(changes, Math.min(answeredAfter, changes.length));
      const roster = new Roster(LIMIT);
      // Kicks are read from the store, too, so they may come before all others.
      const kicksFirst = [...changes].sort((a, b) => Number('seq' in b.event) - Number('seq' in a.event));
      const arriving = early ? kicksFirst : changes;
      for (const [i, { event }] of arriving.entries()) {
        if (i === answerArrives) roster.begin(answer);
        roster.apply(event);
        if (i === twice) for (const { event: again } of arriving.slice(0, i)) roster.apply(again);
      }
      if (answerArrives >= changes.length) roster.begin(answer);
      const [is, due] = [sorted(roster.members), sorted(changes.at(-1)?.members ?? [])];
      if (is !== due) throw new Error(`the list is ${is}, and there are ${due}`);
    });
    t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
  },
);

void t.test('the answer to a join says what the events behind it are going to say, once', async (t) => {
  const changes = changesOf([0, 1, 2]);
  const roster = new Roster(LIMIT);
  roster.begin(answerAfter(changes, 1));
  t.match(roster.learn(answerAfter(changes, 2), 'bob'), { type: 'member_joined', user: 'bob' });
  t.equal(roster.learn(answerAfter(changes, 2), 'bob'), null);
  for (const { event } of changes.slice(0, 2)) t.equal(roster.apply(event), false, 'it is known');
  const other = new Roster(LIMIT);
  other.begin(answerAfter(changes, 1));
  t.match(other.learn(answerAfter(changes, 3), 'cat'), { type: 'members', members: ['ann', 'bob', 'cat'] });
});

void t.test('after events were missed nothing is certain until a whole list has come', async (t) => {
  const changes = changesOf([0, 1, 2, 1]);
  const roster = new Roster(LIMIT);
  roster.begin(answerAfter(changes, 1));
  roster.missed();
  if (changes[3]) roster.apply(changes[3].event);
  const { members } = answerAfter(changes, 3).room;
  const list = { members: [...members], member_count: 3, members_version: FIRST + 3 };
  t.equal(roster.apply({ type: 'members', ...ROOM, ...list }), true);
  t.same(roster.members, ['ann', 'cat'], 'the change is newer than the list');
});

void t.test('a kick from before a welcome takes nobody off the list in it', async (t) => {
  const step = { joinedAt: 3, members: ['ann', 'bob'], membersVersion: 7 };
  const kick = (seq: number) =>
    ({ type: 'member_kicked', ...ROOM, event_id: `e${seq}`, seq, user: 'bob' }) as const;
  t.same(withoutKicked(step, [kick(2), kick(3)]), step);
  t.same(withoutKicked(step, [kick(4)]).members, ['ann']);
});
