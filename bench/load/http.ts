import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { emptyHistogram, quantilesOf } from './http-latency.js';
import type { FromPoster, HttpPlan, HttpResult, PosterResult, ToPoster } from './http-plan.js';

export type { HttpPlan, HttpResult } from './http-plan.js';

export interface HttpRun extends HttpPlan {
  /** Generator processes; default: 1. */
  readonly processes?: number;
  /** Awaited at the edges of the measured window; posting goes on meanwhile. */
  readonly begun?: () => Promise<void> | void;
  readonly ended?: () => Promise<void> | void;
}

const PROGRAM = fileURLToPath(new URL('./http-poster.js', import.meta.url));

/**
 * Posts over HTTP from processes of its own: connects, warms up, measures, stops, and waits for the answers that are
 * out. Rejects when it cannot connect, or when an answer is no HTTP it understands.
 */
export async function runHttpPosts(run: HttpRun): Promise<HttpResult> {
  const { processes = 1, begun, ended, ...plan } = run;
  if (plan.load.type === 'closed' && plan.load.inFlight !== 1)
    throw new RangeError(
      'a connection has one post in flight: answers of HTTP/1.1 would wait for each other',
    );
  if (!(plan.connections >= processes)) throw new RangeError('fewer connections than processes');
  const posters = Array.from({ length: processes }, (_, index) =>
    startPoster(shareOf(plan, index, processes)),
  );
  try {
    const all = (says: FromPoster['says']) => Promise.all(posters.map((poster) => poster.next(says)));
    const tell = (word: ToPoster): void => posters.forEach((poster) => poster.tell(word));
    await all('ready');
    tell('post');
    await new Promise((over) => setTimeout(over, plan.warmUpMs));
    await begun?.();
    tell('measure');
    await all('measured');
    await ended?.();
    tell('stop');
    const results = (await all('done')).flatMap((last) => (last.says === 'done' ? [last.result] : []));
    return sumOf(results);
  } finally {
    posters.forEach((poster) => poster.kill());
  }
}

function shareOf(plan: HttpPlan, index: number, of: number): HttpPlan {
  const connections = Math.floor(plan.connections / of) + (index < plan.connections % of ? 1 : 0);
  const { load } = plan;
  return {
    ...plan,
    connections,
    load:
      load.type === 'open'
        ? { type: 'open', perSecond: (load.perSecond * connections) / plan.connections }
        : load,
  };
}

interface Poster {
  /** Resolves with the next thing it says, which has to be this. Rejects if it ends instead. */
  next(says: FromPoster['says']): Promise<FromPoster>;
  tell(word: ToPoster): void;
  kill(): void;
}

function startPoster(plan: HttpPlan): Poster {
  const child: ChildProcess = fork(PROGRAM, [JSON.stringify(plan)], { execArgv: [] });
  const kill = (): void => void child.kill('SIGKILL');
  // Whatever ends the benchmark ends its generators.
  process.once('exit', kill);
  return {
    next: (says) =>
      new Promise((resolve, reject) => {
        const exited = (code: number | null): void =>
          reject(new Error(`a load generator ended with ${code}: its error is above`));
        if (child.exitCode !== null) return exited(child.exitCode);
        child.once('exit', exited);
        child.once('message', (message) => {
          child.off('exit', exited);
          const said = message as FromPoster;
          if (said.says === says) resolve(said);
          else reject(new Error(`a load generator said ${said.says}, not ${says}`));
        });
      }),
    tell(word) {
      // One that has ended, perhaps in this moment, is noticed by whoever waits for its next words.
      if (child.connected) child.send(word, () => undefined);
    },
    kill() {
      process.off('exit', kill);
      kill();
    },
  };
}

function sumOf(results: readonly PosterResult[]): HttpResult {
  const sum = (of: (result: PosterResult) => number): number =>
    results.reduce((all, result) => all + of(result), 0);
  const merged = (of: (result: PosterResult) => string): Histogram => {
    const all = emptyHistogram();
    for (const result of results) all.add(decodeFromCompressedBase64(of(result)));
    return all;
  };
  const byStatus: Record<string, number> = {};
  for (const result of results)
    for (const [status, count] of Object.entries(result.byStatus))
      byStatus[status] = (byStatus[status] ?? 0) + count;
  return {
    posts: sum(({ posts }) => posts),
    byStatus,
    retryAfter: sum(({ retryAfter }) => retryAfter),
    seconds: sum(({ seconds }) => seconds) / results.length,
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    latency: quantilesOf(merged(({ latency }) => latency)),
    goodLatency: quantilesOf(merged(({ goodLatency }) => goodLatency)),
    lost: sum(({ lost }) => lost),
    unsent: sum(({ unsent }) => unsent),
  };
}
