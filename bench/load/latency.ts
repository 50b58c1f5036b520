import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';
import type { Quantiles } from './plan.js';

/** Times up to a minute, in µs, exact to three digits. */
const LONGEST = 60_000_000;

export type Latencies = Histogram;

export function latencies(): Latencies {
  return build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST,
    numberOfSignificantValueDigits: 3,
    autoResize: false,
    useWebAssembly: false,
  });
}

/** Counts a time in µs; one that is longer than a minute as a minute. */
export function record(into: Latencies, time: number): void {
  into.recordValue(time < 0 ? 0 : time > LONGEST ? LONGEST : time);
}

/** For another process. */
export const packed = (one: Latencies): string => encodeIntoCompressedBase64(one);

/** The quantiles of what several processes counted. */
export function merged(parts: readonly string[]): Quantiles {
  const sum = latencies();
  for (const part of parts) sum.add(decodeFromCompressedBase64(part, 32, false));
  const ms = (percentile: number): number =>
    sum.totalCount === 0 ? 0 : sum.getValueAtPercentile(percentile) / 1000;
  return {
    count: sum.totalCount,
    p50: ms(50),
    p90: ms(90),
    p99: ms(99),
    p999: ms(99.9),
    max: sum.totalCount === 0 ? 0 : sum.maxValue / 1000,
  };
}
