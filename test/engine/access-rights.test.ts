import fc from 'fast-check';
import t from 'tap';
import { actingUser, ANYBODY, may, NOBODY, RIGHTS, type Grant } from '../../engine/access/grant.js';
import { isPattern, matches } from '../../engine/access/pattern.js';

const grant = (more: Partial<Grant>): Grant => ({ ...NOBODY, user: 'alice', ...more });

/** What a pattern means, said in another way. */
function fits(pattern: string, roomId: string): boolean {
  const escaped = pattern.split('*').map((part) => part.replaceAll(/[.]/g, '\\.'));
  return new RegExp(`^${escaped.join('.*')}$`).test(roomId);
}

const letters = fc.constantFrom('a', 'b', ':', '.', '-');
const ids = fc.string({ unit: letters, minLength: 1, maxLength: 12 });
const patterns = fc.string({ unit: fc.oneof(letters, fc.constant('*')), minLength: 1, maxLength: 10 });

t.test('a pattern fits a room id if its stars can stand for what is between', (t) => {
  fc.assert(
    fc.property(patterns, ids, (pattern, id) => matches(pattern, id) === fits(pattern, id)),
    { numRuns: 5_000 },
  );
  t.ok(matches('*', 'anything'));
  t.ok(matches('team:*', 'team:'));
  t.notOk(matches('team:*', 'team'));
  t.notOk(matches('TEAM:*', 'team:1'), 'room ids are case-sensitive, and so are patterns');
  t.end();
});

t.test('the worst pattern there is takes no longer than its length times that of the id', (t) => {
  const pattern = `${'*a'.repeat(31)}*b`;
  t.ok(isPattern(pattern));
  // A regular expression would take years.
  t.notOk(matches(pattern, 'a'.repeat(64)));
  t.end();
});

t.test('only characters of room ids and stars are a pattern', (t) => {
  for (const text of ['', 'a b', 'a/b', 'ä', '(a|b)', 'a'.repeat(65)]) t.notOk(isPattern(text), text);
  t.end();
});

t.test('a right holds in the rooms that its rule names, and nowhere else', (t) => {
  const one = grant({
    rooms: [
      { room: 'team:*', may: new Set(['read'] as const) },
      { room: 'a', may: new Set(['post'] as const) },
    ],
  });
  t.ok(may(one, 'read', 'team:1'));
  t.notOk(may(one, 'post', 'team:1'));
  t.ok(may(one, 'post', 'a'));
  t.notOk(may(one, 'read', 'a'));
  for (const right of RIGHTS) {
    t.notOk(may(grant({}), right, 'a'), 'a token without rules allows nothing');
    t.ok(may(grant({ isService: true }), right, 'a'), 'a service may do everything');
    t.ok(may(ANYBODY, right, 'a'));
    t.notOk(may(NOBODY, right, 'a'));
  }
  t.end();
});

t.test('a user acts as itself only, a service as anybody', (t) => {
  t.same(actingUser(grant({}), undefined), { user: 'alice' });
  t.same(actingUser(grant({}), 'alice'), { user: 'alice' });
  t.match(actingUser(grant({}), 'bob'), { code: 'forbidden' });
  t.same(actingUser(grant({ isService: true }), 'bob'), { user: 'bob' });
  t.same(actingUser(grant({ isService: true }), undefined), { user: null });
  t.same(actingUser(ANYBODY, 'bob'), { user: 'bob' });
  t.end();
});
