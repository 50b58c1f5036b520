import { build, type Histogram } from 'hdr-histogram-js';
import type { Quantiles } from './plan.js';

/** µs: what took longer counts as this long. */
const LONGEST = 10 * 60 * 1_000_000;

/** For latencies in µs, with three digits of them right. */
export function emptyHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
  });
}

/** Records a latency in µs. */
export function record(histogram: Histogram, us: number): void {
  histogram.recordValue(Math.min(Math.max(1, Math.round(us)), LONGEST));
}

/** In ms; all 0 where nothing was recorded. */
export function quantilesOf(histogram: Histogram): Quantiles {
  const ms = (percent: number): number => histogram.getValueAtPercentile(percent) / 1000;
  return {
    count: histogram.totalCount,
    p50: ms(50),
    p90: ms(90),
    p99: ms(99),
    p999: ms(99.9),
    max: histogram.maxValue / 1000,
  };
}
