import { readSeries } from '../targets/counters.js';

/** What a Parlor holds for its clients, by its own /metrics. */
export type Holdings = Readonly<Record<string, number>>;

const GAUGES = {
  files: 'process_open_fds',
  connections: 'parlor_connections',
  rooms: 'parlor_rooms',
  seats: 'parlor_seats',
  audiences: 'parlor_audiences',
  'posts under way': 'parlor_under_way',
  'reads waiting': 'parlor_reads_waiting',
  'commands pending': 'parlor_broker_pending',
  'joins waiting': 'parlor_mailbox_depth{actor="joins"}',
} as const;

export async function readHoldings(port: number): Promise<Holdings> {
  const value = await readSeries(port);
  return Object.fromEntries(Object.entries(GAUGES).map(([what, series]) => [what, value(series) ?? NaN]));
}

/**
 * What there is more of than there was, a line each. Of open files some more may be: a connection of whoever reads
 * /metrics, and the store's own.
 */
export function leftOver(before: Holdings, now: Holdings): string[] {
  return Object.entries(now).flatMap(([what, count]) => {
    const was = before[what] ?? 0;
    return count > was + (what === 'files' ? SPARE_FILES : 0)
      ? [`${what}: ${was} before, ${count} after`]
      : [];
  });
}

const SPARE_FILES = 5;
