import fc from 'fast-check';
import t from 'tap';
import { LEASE_BEATS, Leases, type Alive } from '../../../adapters/rabbitmq/nodes/leases.js';

/** Who lives, as a node finds it out. */
const ME = 'me';

void t.test('a node is gone after four beats without a word of it, and is told once', (t) => {
  const leases = new Leases(ME);
  leases.open();
  leases.heard({ node_id: 'x', hello: true });
  t.same([...leases.nodes], ['x']);
  for (let beat = 1; beat < LEASE_BEATS; beat++) t.same(leases.beat(), [], `beat ${beat}`);
  t.same(leases.beat(), ['x']);
  t.same([...leases.nodes], []);
  for (let beat = 0; beat < 10; beat++) t.same(leases.beat(), []);
  t.end();
});

void t.test('a hello wants an answer, a good-bye ends a node at once', (t) => {
  const leases = new Leases(ME);
  t.match(leases.heard({ node_id: 'x', hello: true }), { greet: true, gone: false });
  t.match(leases.heard({ node_id: 'x' }), { greet: false });
  t.match(leases.heard({ node_id: 'x', bye: true }), { gone: true });
  t.match(leases.heard({ node_id: 'x', bye: true }), { gone: false }, 'once');
  t.same([...leases.nodes], []);
  t.same(leases.alive('hello'), { node_id: ME, hello: true });
  t.end();
});

void t.test('who was taken for gone and speaks again is told so, until it has been heard', (t) => {
  const [mine, theirs] = [new Leases('a'), new Leases('b')];
  const tell = (): boolean => theirs.heard(mine.alive()).missed;
  mine.heard(theirs.alive('hello'));
  mine.open();
  t.equal(tell(), false, 'who said hello has missed nothing');
  for (let beat = 0; beat < LEASE_BEATS; beat++) mine.beat();
  mine.heard(theirs.alive());
  t.equal(tell(), true);
  t.equal(tell(), false, 'once');
  for (let beat = 0; beat < LEASE_BEATS; beat++) mine.beat();
  mine.sent('b');
  t.equal(tell(), true, 'also when a command is what comes of it');
  mine.heard(theirs.alive('hello'));
  t.same(mine.alive(), { node_id: 'a' }, 'whoever says hello knows it already');
  t.end();
});

void t.test('who was not heard before this node took commands has missed something, too', (t) => {
  const [mine, stopped] = [new Leases('a'), new Leases('b')];
  mine.heard({ node_id: 'early' });
  mine.open();
  mine.heard(stopped.alive());
  t.equal(stopped.heard(mine.alive()).missed, true);
  t.same(Object.keys(mine.alive().returns ?? {}), ['b'], 'not who answered in time');
  t.end();
});

void t.test('a lost link gives the others more time, and forgets nobody who was gone', (t) => {
  const leases = new Leases(ME);
  leases.open();
  leases.heard({ node_id: 'gone' });
  for (let beat = 0; beat < LEASE_BEATS; beat++) leases.beat();
  leases.heard({ node_id: 'x', hello: true });
  leases.lost();
  for (let beat = 0; beat < LEASE_BEATS; beat++) t.same(leases.beat(), []);
  leases.heard({ node_id: 'new, and it answers' });
  leases.heard({ node_id: 'gone' });
  t.same(Object.keys(leases.alive().returns ?? {}), ['gone']);
  t.end();
});

void t.test('nodes come and go for ever, and the memory stays small', (t) => {
  const leases = new Leases(ME);
  leases.open();
  for (let i = 0; i < 5_000; i++) {
    leases.heard({ node_id: `node ${i}` });
    leases.beat();
  }
  t.ok(leases.nodes.size <= LEASE_BEATS);
  t.ok(Object.keys(leases.alive().returns ?? {}).length <= LEASE_BEATS);
  t.end();
});

type Step =
  | { readonly do: 'beat' | 'lost' | 'open' }
  | { readonly do: 'heard'; readonly alive: Alive }
  | { readonly do: 'sent'; readonly id: string };

const id = fc.constantFrom('x', 'y', 'z');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'beat' }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'lost' }, { do: 'open' }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('heard' as const),
      alive: fc.record(
        { node_id: id, hello: fc.boolean(), bye: fc.boolean() },
        { requiredKeys: ['node_id'] },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sent' as const), id }) },
);

void t.test('whatever happens: known is who was heard and is not over, and each loss is told once', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const leases = new Leases(ME);
      /** Beats since each was heard; what is not in it is gone. */
      const silent = new Map<string, number>();
      let lost = false;
      for (const one of steps) {
        if (one.do === 'heard' && one.alive.bye === true) {
          if (leases.heard(one.alive).gone !== silent.delete(one.alive.node_id)) return false;
        } else if (one.do === 'heard' || one.do === 'sent') {
          if (one.do === 'heard') leases.heard(one.alive);
          else leases.sent(one.id);
          silent.set(one.do === 'heard' ? one.alive.node_id : one.id, 0);
        } else if (one.do === 'beat') {
          for (const [node, beats] of silent) silent.set(node, beats + 1);
          for (const gone of leases.beat()) {
            if ((silent.get(gone) ?? 0) < LEASE_BEATS || !silent.delete(gone)) return false;
          }
        } else {
          lost ||= one.do === 'lost';
          leases[one.do]();
        }
        if (String([...leases.nodes].sort()) !== String([...silent.keys()].sort())) return false;
        if (!lost && [...silent.values()].some((beats) => beats >= LEASE_BEATS)) return false;
      }
      return true;
    }),
    { numRuns: 500 },
  );
  t.end();
});

void t.test('whatever is lost on the way: a return is told once, if anything gets through after it', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('beat', 'speak', 'tell'), { maxLength: 300 }), (steps) => {
      const [mine, theirs] = [new Leases('a'), new Leases('b')];
      mine.heard(theirs.alive('hello'));
      mine.open();
      let owed = false;
      for (const one of steps) {
        if (one === 'beat') mine.beat();
        else if (one === 'speak') {
          owed ||= !mine.nodes.has('b');
          mine.heard(theirs.alive());
        } else {
          const { missed } = theirs.heard(mine.alive());
          // Taken for gone again before it was told: told when it is back.
          if (missed !== (owed && mine.nodes.has('b'))) return false;
          if (missed) owed = false;
        }
      }
      return true;
    }),
    { numRuns: 500 },
  );
  t.end();
});
