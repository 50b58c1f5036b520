import t from 'tap';
import { BEAT_MS, LEASE_MS, Pulse } from '../../../adapters/rabbitmq/nodes/pulse.js';
import type { Clock } from '../../../engine/ports.js';
import { ManualClock } from '../../support/clock.js';

/** Whether a node's words come back to it. */
void t.test('it is current for so long after a word was sent that has come back', (t) => {
  const clock = new ManualClock();
  const pulse = new Pulse(clock);
  pulse.begin();
  t.equal(pulse.isCurrent, false, 'nothing has come back yet');
  const number = pulse.sent();
  clock.jump(1_000);
  t.equal(pulse.returned(number), true);
  t.equal(pulse.isCurrent, true);
  clock.jump(LEASE_MS - 1_001);
  t.equal(pulse.isCurrent, true);
  clock.jump(1);
  t.equal(pulse.isCurrent, false, 'counted from when it was sent');
  t.end();
});

void t.test('a word from before a pause proves nothing after it', (t) => {
  const clock = new ManualClock();
  const pulse = new Pulse(clock);
  pulse.begin();
  const before = pulse.sent();
  clock.jump(10_000);
  pulse.returned(before);
  t.equal(pulse.isCurrent, false);
  pulse.returned(pulse.sent());
  t.equal(pulse.isCurrent, true);
  pulse.begin();
  t.equal(pulse.isCurrent, false, 'nor does one over another link');
  t.end();
});

void t.test('a machine that was suspended with its monotonic clock is not current', (t) => {
  let [elapsed, now] = [0, 0];
  const clock: Clock = { elapsed: () => elapsed, now: () => now, after: () => () => undefined };
  const pulse = new Pulse(clock);
  pulse.begin();
  pulse.returned(pulse.sent());
  now += 60_000;
  t.equal(pulse.isCurrent, false);
  pulse.returned(pulse.sent());
  [elapsed, now] = [elapsed + LEASE_MS, now - 60_000];
  t.equal(pulse.isCurrent, false, 'nor is one whose wall clock was set back');
  t.end();
});

void t.test('a link is silent when nothing comes back for eight beats of a process that runs', (t) => {
  const clock = new ManualClock();
  const pulse = new Pulse(clock);
  const beats = (count: number): boolean[] =>
    Array.from({ length: count }, () => {
      pulse.sent();
      clock.jump(BEAT_MS);
      return pulse.beat();
    });
  pulse.begin();
  t.same(beats(8), [true, true, true, true, true, true, true, false]);
  pulse.begin();
  beats(7);
  clock.jump(60_000);
  t.equal(pulse.beat(), true, 'the process was stopped: what came meanwhile is still to be read');
  t.equal(beats(7).at(-1), true);
  pulse.rest();
  t.equal(beats(7).at(-1), true, 'a broker that has said that it does not read is not silent');
  t.equal(beats(1)[0], false);
  t.end();
});

void t.test('a hole in the numbers that come back is noticed', (t) => {
  const pulse = new Pulse(new ManualClock());
  pulse.begin();
  const [first, second, , fourth] = [1, 2, 3, 4].map(() => pulse.sent()) as [number, number, number, number];
  t.same(
    [first, second, fourth].map((number) => pulse.returned(number)),
    [true, true, false],
  );
  const lost = pulse.sent();
  pulse.begin();
  t.equal(pulse.returned(pulse.sent()), true, `not ${lost}, which was on another link`);
  t.end();
});
