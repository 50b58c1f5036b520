import { start, stop } from 'nact';
import t from 'tap';
import { LoopTurns, NOT_LONG, type LoopWork } from '../../engine/loop-turns.js';
import { Scheduler } from '../../engine/scheduler.js';
import type { Teardown } from '../support/engine.js';
import { turns } from '../support/clock.js';

/** Far longer than a test takes to pass something from one actor to the next. */
const VERY_LONG: LoopWork = () => 60_000;

/** Keeps the event loop busy until a turn counts as long. */
function beBusy(): void {
  for (const end = performance.now() + 2; performance.now() < end;);
}

/** Actors of as many kinds as there are names, each of which wakes the next one. `had`: who has had a turn. */
function chain(
  t: Teardown,
  work: LoopWork,
  names: readonly string[],
  failing = '',
): { begin: () => void; had: string[] } {
  const system = start();
  t.teardown(async () => stop(system));
  const loop = new LoopTurns(work);
  const had: string[] = [];
  let next = (): void => undefined;
  for (const name of [...names].reverse()) {
    const scheduler = new Scheduler(system, name, loop);
    const after = next;
    next = () =>
      scheduler.ask({
        turn() {
          had.push(name);
          after();
          if (name === failing) throw new Error('boom');
        },
      });
  }
  return { begin: next, had };
}

t.test('while turns of the event loop are short, each actor on the way has a turn of its own', async (t) => {
  const { begin, had } = chain(t, NOT_LONG, ['a', 'b', 'c']);
  beBusy();
  begin();
  for (const expected of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
    await turns(1);
    t.same(had, expected);
  }
});

t.test('after a long turn what was read goes all its way before more is read', async (t) => {
  const { begin, had } = chain(t, VERY_LONG, ['a', 'b', 'c']);
  beBusy();
  begin();
  t.same(had, [], 'asking never runs anybody');
  await turns(1);
  t.same(had, ['a', 'b', 'c']);
});

t.test('an actor that throws on the way keeps nobody from a turn', async (t) => {
  const { begin, had } = chain(t, VERY_LONG, ['a', 'b', 'c', 'd'], 'b');
  beBusy();
  begin();
  await turns(10);
  t.same(had, ['a', 'b', 'c', 'd']);
});

t.test('who always has something to do does not keep the event loop from its I/O', async (t) => {
  const system = start();
  t.teardown(async () => stop(system));
  const scheduler = new Scheduler(system, 'busy', new LoopTurns(VERY_LONG));
  let isOver = false;
  const busy = {
    turn() {
      if (!isOver) scheduler.ask(busy);
    },
  };
  beBusy();
  scheduler.ask(busy);
  await turns(5);
  isOver = true;
  t.pass('other turns came all the same');
});
