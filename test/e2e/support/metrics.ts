import type { Parlor } from '../../support/parlor.js';
import { until } from '../../support/until.js';

/** The values of /metrics as they are now, by series, for example `parlor_refusals_total{code="room_full"}`. */
export async function metrics(parlor: Parlor): Promise<(series: string) => number> {
  return parseMetrics(await (await parlor.get('/metrics')).text());
}

/** The same, of a text in Prometheus's format. */
export function parseMetrics(text: string): (series: string) => number {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const at = line.lastIndexOf(' ');
    if (!line.startsWith('#') && at > 0) values.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return (series) => values.get(series) ?? 0;
}

/** Resolves when a series has a value. */
export async function untilMetric(
  parlor: Parlor,
  series: string,
  wanted: number,
  timeoutMs = 15_000,
): Promise<void> {
  let last = NaN;
  await until(
    async () => {
      last = (await metrics(parlor))(series);
      return last === wanted;
    },
    { timeoutMs, what: () => `${series} to be ${wanted}; it is ${last}` },
  );
}
