/** What a Parlor has counted since it started. */
export interface Counters {
  readonly messages: number;
  readonly commits: number;
  /** How long all its commits took together. */
  readonly commitSeconds: number;
}

/** Reads a Parlor's counters from its /metrics. */
export async function readCounters(port: number): Promise<Counters> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const value = (name: string): number => {
    const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
    if (found === undefined) throw new Error(`the server's /metrics have no ${name}`);
    return Number(found);
  };
  return {
    messages: value('parlor_messages_total'),
    commits: value('parlor_store_commit_seconds_count'),
    commitSeconds: value('parlor_store_commit_seconds_sum'),
  };
}
