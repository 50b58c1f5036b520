import { runHttpPosts, type HttpResult, type HttpRun } from '../load/http.js';
import type { Cpu } from '../report/result.js';
import { edgesOf, quantileFigures, TEXT_BYTES, warmUpMs, watchCpu, type Edges } from './measure.js';
import type { Mode } from './scenario.js';
import type { Subject } from './subjects.js';

export interface HttpMeasured {
  readonly result: HttpResult;
  readonly cpu: Cpu;
  /** posts (201) a second, from a post to its answer. */
  readonly figures: Readonly<Record<string, number>>;
}

/** Posts over HTTP, and watches the machine meanwhile. */
export async function runHttp(
  target: Subject,
  mode: Mode,
  of: Pick<HttpRun, 'connections' | 'load' | 'rooms'> & Partial<HttpRun>,
  ...more: readonly Edges[]
): Promise<HttpMeasured> {
  const watch = watchCpu([target]);
  const edges = edgesOf(watch, ...more);
  const result = await runHttpPosts({
    port: target.port,
    seconds: mode.seconds,
    warmUpMs: warmUpMs(mode),
    textBytes: TEXT_BYTES,
    ...of,
    begun: () => edges.begun(),
    ended: () => edges.ended(),
  });
  return {
    result,
    cpu: watch.cpu(result.cpuSeconds),
    figures: { posts: createdOf(result), ...quantileFigures('', result.goodLatency) },
  };
}

/** Answers with 201 a second. */
function createdOf(result: HttpResult): number {
  return (result.byStatus['201'] ?? 0) / result.seconds;
}

/** Everything that went wrong; answers other than 201 are, unless they are expected. */
export function httpFaults(result: HttpResult, expected: readonly string[] = []): string[] {
  const answers = Object.entries(result.byStatus).filter(
    ([status]) => status !== '201' && !expected.includes(status),
  );
  return [
    ...(result.lost > 0 ? [`${result.lost} posts were never answered`] : []),
    ...answers.map(([status, count]) => `${count} posts were answered ${status}`),
  ];
}
