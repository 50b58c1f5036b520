/** What a Parlor has counted since it started. */
export interface Counters {
  readonly messages: number;
  readonly commits: number;
  /** How long all its commits took together. */
  readonly commitSeconds: number;
}

/** Reads a Parlor's counters from its /metrics. */
export async function readCounters(port: number): Promise<Counters> {
  const value = valuesIn(await readMetrics(port));
  return {
    messages: value('parlor_messages_total'),
    commits: value('parlor_store_commit_seconds_count'),
    commitSeconds: value('parlor_store_commit_seconds_sum'),
  };
}

/** Reads one value without labels from a Parlor's /metrics. */
export async function readGauge(port: number, name: string): Promise<number> {
  return valuesIn(await readMetrics(port))(name);
}

/** Reads how many of something a Parlor has dropped; none is 0. */
export async function readDropped(port: number, reason: string): Promise<number> {
  const found = new RegExp(`^parlor_dropped_total{reason="${reason}"} (\\S+)$`, 'm').exec(
    await readMetrics(port),
  );
  return Number(found?.[1] ?? 0);
}

/** Reads everything a Parlor counts, by series, for example `parlor_refusals_total{code="room_full"}`. */
export async function readSeries(port: number): Promise<(series: string) => number | undefined> {
  const values = new Map<string, number>();
  for (const line of (await readMetrics(port)).split('\n')) {
    const at = line.lastIndexOf(' ');
    if (!line.startsWith('#') && at > 0) values.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return (series) => values.get(series);
}

async function readMetrics(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

function valuesIn(text: string): (name: string) => number {
  return (name) => {
    const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
    if (found === undefined) throw new Error(`the server's /metrics have no ${name}`);
    return Number(found);
  };
}
