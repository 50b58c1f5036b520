import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { TurnShare } from '../../api/turn-share.js';
import { until } from '../support/until.js';

/** As much as a share of 1 ms has for one turn. */
function busy(): void {
  const end = performance.now() + 1;
  while (performance.now() < end);
}

/** Does it now or later, as a caller does. */
function ask(share: TurnShare, work: () => void): void {
  if (share.isFree) share.spend(work);
  else share.later(work);
}

t.test(
  'what does not fit into a turn is done in the next ones, in order, and others have turns in between',
  async (t) => {
    const share = new TurnShare(1);
    const done: number[] = [];
    const turns: number[] = [];
    let turn = 0;
    for (let n = 0; n < 5; n++)
      ask(share, () => {
        busy();
        done.push(n);
        turns.push(turn);
      });
    t.same(done, [0], 'the first one at once');
    t.equal(share.isFree, false);
    while (done.length < 5) {
      await nextTurn();
      turn++;
    }
    t.same(done, [0, 1, 2, 3, 4]);
    t.equal(new Set(turns.slice(1)).size, 4, `one in each of the turns ${turns.join()}`);
    await until(() => share.isFree, { what: 'time for more', intervalMs: 1 });
  },
);

t.test(
  'what comes while others wait is done behind them, and what is little is done in one turn',
  async (t) => {
    const share = new TurnShare(1);
    const done: string[] = [];
    ask(share, busy);
    ask(share, () => {
      done.push('a');
      ask(share, () => done.push('c'));
    });
    ask(share, () => done.push('b'));
    await until(() => done.length === 3, { what: 'all', intervalMs: 1 });
    t.same(done, ['a', 'b', 'c']);
  },
);

t.test('what throws is not the end of what waits', async (t) => {
  const share = new TurnShare(1);
  const done: string[] = [];
  t.throws(
    () =>
      share.spend(() => {
        busy();
        throw new Error('no');
      }),
    /no/,
  );
  ask(share, () => done.push('next'));
  t.same(done, [], 'its time counts');
  await until(() => done.length === 1, { what: 'the next', intervalMs: 1 });
});
