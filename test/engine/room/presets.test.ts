import t from 'tap';
import type { Policy } from '../../../engine/messages/policy.js';
import { BARE, DEFAULT_PRESETS, presetFor } from '../../../engine/room/presets.js';

t.test('the longest prefix of a room id decides its preset, on top of the one for all', async (t) => {
  const presets = {
    '': { capacity: 9 },
    'a:': { post: 'members' as const },
    'a:b:': { capacity: 1 },
    zz: { capacity: null },
  };
  t.same(presetFor('42', presets, BARE), { ...BARE, capacity: 9 });
  t.same(presetFor('a:1', presets, BARE), { ...BARE, capacity: 9, post: 'members' });
  t.same(presetFor('a:b:1', presets, BARE), { ...BARE, capacity: 1 });
  t.same(presetFor('a', presets, BARE), { ...BARE, capacity: 9 });
  t.same(presetFor('zz', presets, BARE), { ...BARE, capacity: null });
  t.same(presetFor('42', {}, BARE), BARE);
});

t.test(
  'out of the box: bare ids for two, direct for two members, group for 256, channel for all',
  async (t) => {
    const of = (id: string): Policy => presetFor(id, DEFAULT_PRESETS, BARE);
    t.match(of('42'), { capacity: 2, post: 'anyone', creation: 'on_demand' });
    t.match(of('direct:a-b'), { capacity: 2, post: 'members' });
    t.match(of('group:x'), { capacity: 256 });
    t.match(of('channel:news'), { capacity: null });
  },
);
