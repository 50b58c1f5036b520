import t from 'tap';
import type { Policy, PolicyChange } from '../../../engine/messages/policy.js';
import { expire } from '../../../engine/room/seating.js';
import type { RoomState } from '../../../engine/room/state.js';
import { at, uuid } from './script.js';
import { R, join, leave, post, tell, types, withPolicy } from './tell.js';

/** Each field: what differs when it is flipped, and nothing else is. */
const differences: {
  field: keyof Policy;
  off: PolicyChange;
  on: PolicyChange;
  see: (state: RoomState) => unknown;
  expect: [unknown, unknown];
}[] = [
  {
    field: 'capacity',
    off: { capacity: 1 },
    on: { capacity: null },
    see: (room) => tell(room, join('ann'), join('bob')).last,
    expect: ['room_full', 'joined'],
  },
  {
    field: 'creation',
    off: { creation: 'explicit' },
    on: { creation: 'on_demand' },
    see: (room) => [
      tell(room, join('ann')).last,
      tell(room, post()).last,
      tell(room, { ...R, type: 'open', policy: {} }, join('ann')).last,
    ],
    expect: [
      ['room_not_found', 'room_not_found', 'joined'],
      ['joined', 'posted', 'joined'],
    ],
  },
  {
    field: 'deletion',
    off: { deletion: 'never' },
    on: { deletion: 'manual' },
    see: (room) => tell(room, post(), { ...R, type: 'close', purge: false }).last,
    expect: ['forbidden', 'done'],
  },
  {
    field: 'deletion',
    off: { deletion: 'manual' },
    on: { deletion: 'when_empty' },
    see: (room) => {
      const { state } = tell(room, join('ann', uuid(1)), leave('ann', uuid(1)));
      return types(expire(state, at(1_000 + 5_000)));
    },
    expect: [['member_left'], ['member_left', 'room_closed']],
  },
  {
    field: 'grace_ms',
    off: { grace_ms: 100 },
    on: { grace_ms: 101 },
    see: (room) => types(expire(tell(room, join('ann', uuid(1)), leave('ann', uuid(1))).state, at(1_100))),
    expect: [['member_left'], []],
  },
  {
    field: 'grace_ms',
    off: { grace_ms: 0 },
    on: { grace_ms: 1 },
    see: (room) =>
      types(tell(room, join('ann', uuid(1)), leave('ann', uuid(1))).facts).includes('member_left'),
    expect: [true, false],
  },
  {
    field: 'deliver_alone',
    off: { deliver_alone: false },
    on: { deliver_alone: true },
    see: (room) =>
      tell(room, join('ann'), post(), join('bob'), post()).facts.flatMap((fact) =>
        fact.type === 'message_posted' ? [fact.quiet === true] : [],
      ),
    expect: [
      [true, false],
      [false, false],
    ],
  },
  {
    field: 'deliver_alone',
    off: { deliver_alone: false },
    on: { deliver_alone: true },
    see: (room) =>
      types(tell(room, join('ann'), { ...R, type: 'typing', user: 'ann' }).facts).includes('typing'),
    expect: [false, true],
  },
  {
    field: 'post',
    off: { post: 'members' },
    on: { post: 'anyone' },
    see: (room) => [post(), post('bob'), post('ann')].map((command) => tell(room, join('ann'), command).last),
    expect: [
      ['forbidden', 'forbidden', 'posted'],
      ['posted', 'posted', 'posted'],
    ],
  },
];

for (const { field, off, on, see, expect } of differences) {
  t.test(`policy: ${field} ${JSON.stringify(off)} or ${JSON.stringify(on)} makes a difference`, async (t) => {
    t.same(see(withPolicy(off)), expect[0]);
    t.same(see(withPolicy(on)), expect[1]);
    const opened = tell(withPolicy(off), { ...R, type: 'open', policy: on });
    if (field !== 'creation') t.same(see(opened.state), expect[1], 'also when it is set for this room only');
  });
}
