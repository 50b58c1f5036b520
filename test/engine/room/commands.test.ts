import t from 'tap';
import type { Command } from '../../../engine/messages/commands.js';
import type { Policy } from '../../../engine/messages/policy.js';
import { view } from '../../../engine/room/facts.js';
import { evolve } from '../../../engine/room/evolve.js';
import { decide } from '../../../engine/room/decide.js';
import { BARE } from '../../../engine/room/presets.js';
import { assertPlaces, completeRoll, expire, nextExpiry } from '../../../engine/room/seating.js';
import { wake } from '../../../engine/room/state.js';
import { at, fresh, uuid } from './script.js';
import { R, join, leave, post, tell, types, withPolicy } from './tell.js';

t.test(
  'a room that closed because it was empty opens again on demand, with its preset and the next seq',
  async (t) => {
    const room = withPolicy({ deletion: 'when_empty', grace_ms: 0 });
    const { state, facts } = tell(
      room,
      { ...R, type: 'open', policy: { capacity: 1 } },
      join('ann', uuid(1)),
      leave('ann', uuid(1)),
    );
    t.equal(state.status, 'empty');
    t.match(facts.at(-1), { type: 'room_closed', reason: 'empty', seq: 2 });
    const again = tell(state, post());
    t.match(again.answer, { type: 'posted', message: { seq: 3 } });
    t.equal(view(again.state, at(1)).policy.capacity, 2);
    const explicit = tell(
      wake(
        'r',
        { ...BARE, creation: 'explicit' },
        { room_id: 'r', head_seq: 2, status: 'empty', policy: null, created_at: '' },
        false,
        0,
      ),
      post(),
    );
    t.equal(explicit.last, 'room_closed', 'but not where rooms have to be opened');
  },
);

t.test('a room that is asked to forget its history says so, also when it is closed already', async (t) => {
  const { state } = tell(fresh(), post(), { ...R, type: 'close', purge: false });
  const purged = tell(state, { ...R, type: 'close', purge: true });
  t.same(types(purged.facts), ['history_purged']);
  t.same(types(tell(fresh(), post(), { ...R, type: 'close', purge: true }).facts), [
    'message_posted',
    'room_closed',
    'history_purged',
  ]);
  t.equal(tell(fresh(), { ...R, type: 'close', purge: true }).last, 'room_not_found');
});

t.test(
  'PUT changes the fields it names and leaves the others; a new room starts from its preset',
  async (t) => {
    const first = tell(fresh(), { ...R, type: 'open', policy: { capacity: 9 } });
    t.match(first.answer, { type: 'opened', created: true, room: { policy: { ...BARE, capacity: 9 } } });
    const second = tell(first.state, { ...R, type: 'open', policy: { post: 'members' } });
    t.match(second.answer, {
      type: 'opened',
      created: false,
      room: { policy: { ...BARE, capacity: 9, post: 'members' } },
    });
    const reopened = tell(
      second.state,
      { ...R, type: 'close', purge: false },
      { ...R, type: 'open', policy: {} },
    );
    t.match(reopened.answer, { type: 'opened', created: true, room: { policy: BARE } });
  },
);

t.test('a kick frees the seat at once, with all its connections, and the seat can be taken', async (t) => {
  const { state } = tell(fresh(), join('ann'), join('bob'), join('bob'));
  const kicked = tell(state, { ...R, type: 'kick', user: 'bob' });
  t.same(types(kicked.facts), ['member_kicked']);
  t.equal(tell(kicked.state, join('cid')).last, 'joined');
  t.equal(tell(kicked.state, { ...R, type: 'kick', user: 'bob' }).last, 'not_a_member');
  const last = tell(withPolicy({ deletion: 'when_empty' }), join('ann'), { ...R, type: 'kick', user: 'ann' });
  t.same(types(last.facts).slice(-2), ['member_kicked', 'room_closed']);
});

const ASSERT = { ...R, type: 'assert', node_id: uuid(99), first: true, last: true } as const;

t.test(
  'during a roll call new members wait, old ones get their seats, and whoever is known goes on',
  async (t) => {
    const record = {
      room_id: 'r',
      head_seq: 7,
      status: 'open' as const,
      policy: null,
      created_at: '2024-01-01T00:00:00Z',
    };
    const calling = wake('r', { ...BARE, post: 'members' }, record, true, 0);
    t.equal(tell(calling, join('cid')).last, 'wait');
    t.equal(tell(calling, post('ann')).last, 'wait');
    t.equal(tell(calling, { ...R, type: 'kick', user: 'ann' }).last, 'wait');
    t.equal(tell(calling, { ...R, type: 'typing', user: 'ann' }).last, 'wait');
    t.equal(tell(calling, { ...R, type: 'describe' }).last, 'wait');
    const present = ['ann', 'bob'].map((user, i) => ({ user, connection_id: uuid(i) }));
    t.equal(
      tell(calling, { ...ASSERT, present }).last,
      'wait',
      'what was said before the roll call may be out of date',
    );
    const { facts, lost, state: known } = assertPlaces(calling, uuid(99), present, at(1));
    t.same(
      [types(facts), lost],
      [['connection_added', 'connection_added'], []],
      'nobody is announced as new',
    );
    const unsure = assertPlaces(
      known,
      uuid(98),
      [{ user: 'cid', connection_id: uuid(9), unsure: true }],
      at(1),
    );
    t.same(unsure.lost, [uuid(9)], 'whose node was taken for gone has a seat only if there is one');
    t.equal(tell(known, post('ann')).last, 'posted', 'whoever is known does not wait');
    t.equal(tell(known, join('cid')).last, 'wait', 'another node may have more of them');
    const complete = completeRoll(known, 40, at(1));
    t.match(complete.at(-1), { type: 'members', members: ['ann', 'bob'], members_version: 1_040 });
    const counted = complete.reduce(evolve, known);
    t.equal(tell(counted, join('cid')).last, 'room_full');
    const third = [...present, { user: 'cid', connection_id: uuid(7) }];
    t.match(tell(counted, { ...ASSERT, present: third }).answer, {
      type: 'asserted',
      lost: [uuid(7)],
      because: { code: 'room_full' },
    });
    const late = tell(completeRoll(calling, 0, at(1)).reduce(evolve, calling), { ...ASSERT, present });
    t.same(
      types(late.facts).filter((type) => type === 'member_joined').length,
      2,
      'whoever is asserted after it joins like anybody',
    );
  },
);

t.test('a node that lists its connections frees the seats of those that are not in the list', async (t) => {
  const { state } = tell(withPolicy({ grace_ms: 500 }), join('ann', uuid(1)), join('bob', uuid(2)));
  const ann = { user: 'ann', connection_id: uuid(1) };
  const one = tell(state, { ...ASSERT, present: [ann] });
  t.same([...one.state.gone.keys()], ['bob']);
  const asked = { user: 'bob', connection_id: uuid(2), asked: true };
  t.same([...tell(state, { ...ASSERT, present: [ann, asked] }).state.gone.keys()], [], 'unless it has asked');
  const other = tell(state, { ...ASSERT, node_id: uuid(98), present: [] });
  t.equal(other.state.gone.size, 0, 'and only its own');
});

t.test('the members of a node that is gone keep their seats for the time of grace', async (t) => {
  const here = tell(withPolicy({ grace_ms: 500 }), join('ann', uuid(1)), join('bob', uuid(2)));
  const phone = { ...join('bob', uuid(3)), node_id: uuid(98) } as Command;
  const both = tell(here.state, phone).state;
  const gone = evolve(both, { type: 'node_gone', node_id: uuid(99), since: 1_000 });
  t.same([...gone.gone], [['ann', 1_000]], 'bob is on another node, too');
  t.same(expire(gone, at(1_499)), []);
  t.match(expire(gone, at(1_500)), [{ type: 'member_left', user: 'ann' }]);
});

t.test('a join that may have outlived its node is given a seat in grace, and its node is told', async (t) => {
  const dead = tell(fresh(), { ...join('ann', uuid(1)), node_id: uuid(97) } as Command);
  t.match(dead.answer, { type: 'joined', unsure: true });
  t.same([...dead.state.gone.keys()], ['ann']);
});

t.test('a vacant room that closes when it is empty does so when nobody comes back in time', async (t) => {
  const record = { room_id: 'r', head_seq: 7, status: 'open' as const, policy: null, created_at: '' };
  const calling = wake('r', { ...BARE, deletion: 'when_empty', grace_ms: 500 }, record, true, 0);
  const vacant = completeRoll(calling, 0, at(1_000)).reduce(evolve, calling);
  t.equal(nextExpiry(vacant), 1_500);
  t.match(expire(vacant, at(1_500)), [{ type: 'room_closed', reason: 'empty', seq: 8 }]);
  t.equal(nextExpiry(tell(vacant, join('ann')).state), null, 'somebody came');
});

t.test('members are listed to all when a room is no longer too large for that', async (t) => {
  const { state } = tell(
    withPolicy({ capacity: null, grace_ms: 0 }),
    ...['a', 'b', 'c', 'd'].map((user, i) => join(user, uuid(i))),
  );
  const decision = decide(state, leave('d', uuid(3)), at(1, 3));
  const facts = decision.type === 'accepted' ? decision.facts : [];
  t.match(facts, [
    { type: 'connection_gone' },
    { type: 'member_left', user: 'd', member_count: 3 },
    { type: 'members', members: ['a', 'b', 'c'] },
  ]);
});

t.test(
  'what is stored of a policy before one of its fields existed has that field from the preset',
  async (t) => {
    const { retention: _, ...policy } = { ...BARE, capacity: 9 };
    const stored = policy as Policy;
    const record = { room_id: 'r', head_seq: 1, status: 'open' as const, policy: stored, created_at: '' };
    const old = wake('r', BARE, record, false, 0);
    t.match(tell(old, { ...R, type: 'open', policy: { capacity: 8 } }).answer, {
      room: { policy: { retention: null } },
    });
  },
);

t.test('who is asked about, kicked from or let into a room is told what holds there', async (t) => {
  const kick = { ...R, type: 'kick', user: 'ann' } as const;
  t.equal(tell(fresh(), kick).last, 'room_not_found');
  const closed = tell(fresh(), post(), { ...R, type: 'close', purge: false }).state;
  t.equal(tell(closed, kick).last, 'room_closed');
  const present = [{ user: 'ann', connection_id: uuid(1) }];
  t.match(tell(closed, { ...ASSERT, present }).answer, { lost: [uuid(1)], because: { code: 'room_closed' } });
  const own = withPolicy({ deletion: 'when_empty', grace_ms: 0 });
  const empty = tell(
    own,
    { ...R, type: 'open', policy: { post: 'members' } },
    join('ann', uuid(1)),
    leave('ann', uuid(1)),
  );
  t.equal(empty.state.status, 'empty');
  t.equal(tell(empty.state, post()).last, 'posted', 'a room that closed itself opens with its preset');
  t.match(tell(empty.state, { ...R, type: 'describe' }).answer, { room: { policy: { post: 'anyone' } } });
});

t.test('welcome names no more members than the limit, and counts them all', async (t) => {
  const { state } = tell(withPolicy({ capacity: null }), ...['a', 'b', 'c', 'd'].map((user) => join(user)));
  t.match(view(state, at(1, 2)), { members: ['a', 'b'], member_count: 4 });
  t.same(view(state, at(1, 0)).members, []);
});
