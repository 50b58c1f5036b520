import t from 'tap';
import { Type } from '@sinclair/typebox';
import { checker, faultLine } from '../../engine/messages/check.js';
import { Command } from '../../engine/messages/commands.js';
import { Policy, PolicyChange } from '../../engine/messages/policy.js';
import { BARE } from '../../engine/room/presets.js';

t.test('a value that fits has no faults', async (t) => {
  t.equal(checker(Policy)(BARE), null);
  t.equal(checker(PolicyChange)({}), null);
});

t.test('each fault names where it is and what would be right', async (t) => {
  const { post: _, ...withoutPost } = BARE;
  const faults = checker(Policy)({ ...withoutPost, capacity: 0, creation: 'sometimes', extra: 1 }) ?? [];
  const at = new Map(faults.map(({ path, message }) => [path, message]));
  t.match(at.get('/creation'), /must be one of "on_demand", "explicit"/);
  t.match(at.get('/extra'), /is not a known field/);
  t.match(at.get('/extra'), /capacity, creation, deletion, grace_ms, idle_ms, deliver_alone, post/);
  t.equal(at.get('/post'), 'is missing');
  t.match(at.get('/capacity'), /must be one of .*integer.*null/);
  t.match(checker(PolicyChange)({ grace_ms: -1 })?.[0], {
    path: '/grace_ms',
    message: /greater or equal to 0/,
  });
});

t.test('one place has one fault, and there are no more than asked for', async (t) => {
  const wide = Type.Object(
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, Type.String()])),
  );
  t.equal(checker(wide)({})?.length, 5);
  t.equal(checker(wide, 2)({})?.length, 2);
  const paths = checker(Policy)({})?.map(({ path }) => path) ?? [];
  t.equal(new Set(paths).size, paths.length);
});

t.test('a line of faults can be read by a human', async (t) => {
  t.equal(
    faultLine([
      { path: '', message: 'is wrong' },
      { path: '/a/b', message: 'is missing' },
    ]),
    'it: is wrong; a/b: is missing',
  );
  t.equal(faultLine([{ path: '/a\n\u2028\u007f', message: 'is wrong' }]), 'a\\u000a\\u2028\\u007f: is wrong');
});

t.test('what is no command at all is found out, however odd it is', async (t) => {
  const faults = checker(Command);
  for (const odd of [
    null,
    1,
    'post',
    [],
    {},
    { type: 'post' },
    { type: 'dance', room_id: '42' },
    { type: 'describe', room_id: 'a/b' },
  ]) {
    t.not(faults(odd), null, JSON.stringify(odd));
  }
  t.equal(faults({ type: 'describe', room_id: '42' }), null);
});
