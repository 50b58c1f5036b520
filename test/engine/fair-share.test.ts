import t from 'tap';
import { FairShare } from '../../engine/fair-share.js';

const room = (): object => ({});

/** What a room has decided in one turn: so many events to store; 0: nothing to store. */
function turn(stager: object, events: number) {
  return { stager, append: events > 0 ? { events: Array.from({ length: events }) } : null };
}

t.test('a room that is alone is not held back', async (t) => {
  const shares = new FairShare();
  const loud = room();
  const all = Array.from({ length: 20 }, () => turn(loud, 64));
  t.same(shares.split(all), { now: all, later: [] });
});

t.test('beside others a busy room has one turn in a commit, and they have theirs', async (t) => {
  const shares = new FairShare();
  const [loud, quiet] = [room(), room()];
  const [first, second, third, small] = [turn(loud, 64), turn(loud, 64), turn(loud, 64), turn(quiet, 1)];
  const { now, later } = shares.split([first, second, small, third]);
  t.strictSame(now, [first, small]);
  t.strictSame(later, [second, third], 'in its order');
});

t.test('beside others a room with 16 events in a commit has its next turn in a later one', async (t) => {
  const shares = new FairShare();
  const [busy, quiet] = [room(), room()];
  const [first, second, third, small] = [turn(busy, 8), turn(busy, 8), turn(busy, 8), turn(quiet, 1)];
  const { now, later } = shares.split([first, second, third, small]);
  t.strictSame(now, [first, second, small]);
  t.strictSame(later, [third]);
});

t.test('a room that says little has all its turns in one commit', async (t) => {
  const shares = new FairShare();
  const [one, other] = [room(), room()];
  const all = [turn(one, 3), turn(other, 1), turn(one, 0), turn(one, 5)];
  t.strictSame(shares.split(all).now, all);
});

t.test('what has nothing to store does not pass what was decided before it', async (t) => {
  const shares = new FairShare();
  const [loud, quiet] = [room(), room()];
  const [first, second, answer] = [turn(loud, 64), turn(loud, 64), turn(loud, 0)];
  t.strictSame(shares.split([first, second, answer, turn(quiet, 1)]).later, [second, answer]);
});

t.test(
  'for some commits after another room came a busy one is still held back, and then no more',
  async (t) => {
    const shares = new FairShare();
    const [loud, quiet] = [room(), room()];
    shares.split([turn(loud, 64), turn(quiet, 1)]);
    const some = [turn(loud, 64), turn(loud, 64)];
    t.equal(shares.split(some).now.length, 1, 'the other one may come while this commit is under way');
    for (let commits = 0; commits < 100; commits++) shares.split(some);
    t.equal(shares.split(some).now.length, 2);
  },
);
