import { latencies, type Latencies } from './latency.js';

/** What one process counts of one group. The counts only grow. */
export interface Tally {
  posts: number;
  deliveries: number;
  acks: number;
  others: number;
  /** Of this run. */
  refused: Record<string, number>;
  readonly closed: Record<string, number>;
  /** Of this run: what was posted in the measured window. */
  delivery: Latencies;
  ack: Latencies;
  late: Latencies;
}

/** The measured window, µs: what was planned in it is timed. Nothing is while it is empty. */
export interface Window {
  begin: number;
  end: number;
}

export const NEVER: Readonly<Window> = { begin: Infinity, end: Infinity };

export function newTally(): Tally {
  return { posts: 0, deliveries: 0, acks: 0, others: 0, closed: {}, ...perRun() };
}

/** A new run begins. */
export function renew(tally: Tally): void {
  Object.assign(tally, perRun());
}

export function increase(counts: Record<string, number>, key: string, by = 1): void {
  counts[key] = (counts[key] ?? 0) + by;
}

function perRun(): Pick<Tally, 'refused' | 'delivery' | 'ack' | 'late'> {
  return { refused: {}, delivery: latencies(), ack: latencies(), late: latencies() };
}
