import { start, stop } from 'nact';
import t from 'tap';
import { LoopTurns, NOT_LONG } from '../../engine/loop-turns.js';
import { Scheduler, type Runnable } from '../../engine/scheduler.js';
import type { Teardown } from '../support/engine.js';
import { turns } from '../support/clock.js';

function scheduler(t: Teardown): Scheduler {
  const system = start();
  t.teardown(async () => stop(system));
  return new Scheduler(system, 'test', new LoopTurns(NOT_LONG));
}

/** Writes its name down at each turn; asks for another one as often as it is told. */
function actor(name: string, had: string[], on: Scheduler, again = 0): Runnable {
  let left = again;
  const self: Runnable = {
    turn() {
      had.push(name);
      if (left-- > 0) on.ask(self);
    },
  };
  return self;
}

t.test('everybody who asked has one turn a round, in the order of asking', async (t) => {
  const one = scheduler(t);
  const had: string[] = [];
  one.ask(actor('busy', had, one, 3));
  for (const name of ['a', 'b', 'c']) one.ask(actor(name, had, one));
  t.same(had, [], 'asking never runs anybody');
  await turns(1);
  t.same(had, ['busy', 'a', 'b', 'c'], 'who asks again waits behind all others');
  await turns(6);
  t.same(had.slice(4), ['busy', 'busy', 'busy']);
});

t.test('a turn that throws costs the others nothing', async (t) => {
  const one = scheduler(t);
  const had: string[] = [];
  one.ask(actor('first', had, one));
  one.ask({
    turn() {
      had.push('thrower');
      throw new Error('boom');
    },
  });
  one.ask(actor('second', had, one));
  await turns(10);
  t.same(had, ['first', 'thrower', 'second']);
  one.ask(actor('later', had, one));
  await turns(10);
  t.same(had.at(-1), 'later');
});

t.test('when turns take long the event loop gets its chance, and nobody is passed over', async (t) => {
  const one = scheduler(t);
  const had: string[] = [];
  const slow = (name: string): Runnable => ({
    turn() {
      for (const end = performance.now() + 0.2; performance.now() < end;);
      had.push(name);
    },
  });
  const names = Array.from({ length: 200 }, (_, i) => `slow ${i}`);
  for (const name of names) one.ask(slow(name));
  await turns(1);
  const inOneRound = had.length;
  t.ok(inOneRound < names.length, `a round ended after ${inOneRound}`);
  one.ask(actor('late', had, one));
  await turns(200);
  t.same(had, [...names, 'late'], 'those who had no turn go first');
});
