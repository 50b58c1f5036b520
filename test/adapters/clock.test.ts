import { systemClock } from '../../adapters/system/clock.js';
import { clockConformance } from '../conformance/clock.js';
import { ManualClock } from '../support/clock.js';
import { until } from '../support/until.js';

clockConformance('system', () => ({
  clock: systemClock,
  async pass(ms) {
    const end = systemClock.elapsed() + ms;
    await until(() => systemClock.elapsed() >= end, { what: `${ms} ms to go by` });
  },
}));

clockConformance('manual', () => {
  const clock = new ManualClock();
  return { clock, pass: (ms) => clock.pass(ms) };
});
