import t from 'tap';
import { view } from '../../../engine/room/verdict.js';
import { evolve } from '../../../engine/room/evolve.js';
import { BARE } from '../../../engine/room/presets.js';
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
        null,
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

t.test(
  'while seats are being asserted, new members wait, old ones get theirs, and who is known goes on',
  async (t) => {
    const record = {
      room_id: 'r',
      head_seq: 7,
      status: 'open' as const,
      policy: null,
      created_at: '2024-01-01T00:00:00Z',
    };
    const settling = wake('r', { ...BARE, post: 'members' }, record, { seated: [], now: 0 });
    t.equal(tell(settling, join('cid')).last, 'wait');
    t.equal(tell(settling, post('ann')).last, 'wait');
    t.equal(tell(settling, { ...R, type: 'kick', user: 'ann' }).last, 'wait');
    t.equal(tell(settling, { ...R, type: 'typing', user: 'ann' }).last, 'wait');
    const present = ['ann', 'bob', 'cid'].map((user, i) => ({ user, connection_id: uuid(i) }));
    const asserted = tell(settling, { ...R, type: 'assert', node_id: uuid(99), present });
    t.same(asserted.answer, { type: 'asserted', lost: [uuid(2)] }, 'the third is one too many');
    t.same(types(asserted.facts), ['connection_added', 'connection_added'], 'nobody is announced as new');
    t.equal(tell(asserted.state, post('ann')).last, 'wait', 'settling is over when its time is');
    const settled = evolve(asserted.state, { type: 'settled' });
    t.equal(tell(settled, post('ann')).last, 'posted');
    t.equal(tell(settled, join('cid')).last, 'room_full');
    const late = tell(evolve(settling, { type: 'settled' }), {
      ...R,
      type: 'assert',
      node_id: uuid(99),
      present,
    });
    t.same(
      types(late.facts).filter((type) => type === 'member_joined').length,
      2,
      'who comes late joins like anybody',
    );
  },
);

t.test('welcome names no more members than the limit, and counts them all', async (t) => {
  const { state } = tell(withPolicy({ capacity: null }), ...['a', 'b', 'c', 'd'].map((user) => join(user)));
  t.match(view(state, at(1, 2)), { members: ['a', 'b'], member_count: 4 });
  t.same(view(state, at(1, 0)).members, []);
});
