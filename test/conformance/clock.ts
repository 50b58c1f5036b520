import t from 'tap';
import type { Clock } from '../../engine/ports.js';

/** A clock under test, and how its time goes by. */
export interface ClockUnderTest {
  readonly clock: Clock;
  /** Resolves when at least `ms` have gone by on it and what was due has been called. */
  readonly pass: (ms: number) => Promise<void>;
}

/** What every clock promises; see `Clock` in engine/ports.ts. */
export function clockConformance(name: string, make: () => ClockUnderTest): void {
  t.test(`the ${name} clock`, async (t) => {
    t.test('goes on, and by as much on both scales', async (t) => {
      const { clock, pass } = make();
      const [now, elapsed] = [clock.now(), clock.elapsed()];
      await pass(40);
      t.ok(clock.elapsed() - elapsed >= 39, 'elapsed is in ms');
      t.ok(clock.now() - now >= 39, 'now is in ms');
      t.ok(new Date(clock.now()).getUTCFullYear() >= 2024, 'and counts from 1970');
    });

    t.test('calls once, in the order of the times, and never before its time', async (t) => {
      const { clock, pass } = make();
      const called: string[] = [];
      const begun = clock.elapsed();
      clock.after(60, () => called.push('late'));
      clock.after(20, () => called.push(clock.elapsed() - begun >= 19 ? 'early' : 'too early'));
      t.strictSame(called, [], 'not at once');
      await pass(200);
      t.strictSame(called, ['early', 'late']);
      await pass(100);
      t.equal(called.length, 2, 'and not again');
    });

    t.test('does not call what was cancelled, and cancelling twice or late does no harm', async (t) => {
      const { clock, pass } = make();
      const called: string[] = [];
      const cancel = clock.after(20, () => called.push('cancelled'));
      const late = clock.after(20, () => called.push('called'));
      cancel();
      cancel();
      await pass(100);
      late();
      t.strictSame(called, ['called']);
    });
  });
}
