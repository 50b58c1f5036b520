import type { PostLoad, PostResult } from '../load/load.js';
import { startGenerator } from '../load/program.js';
import { readCounters } from '../targets/counters.js';
import { machineSeconds } from '../targets/processes.js';
import { startTarget, type Target } from '../targets/target.js';
import type { Place } from './places.js';

/** What one run showed. CPU in seconds a second. */
export interface Measured {
  readonly postsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly commitsPerSecond: number;
  readonly messagesPerCommit: number;
  readonly msPerCommit: number;
  readonly serverCpu: number;
  /** Of that, the thread that runs the event loop. */
  readonly mainThreadCpu: number;
  readonly generatorCpu: number;
  /** Of other processes that serve the store; null if there are none to be seen. */
  readonly storeCpu: number | null;
  /** Of everything else on this machine: what others take cannot be measured away. */
  readonly othersCpu: number;
}

export interface Run {
  readonly rooms: number;
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly seconds: number;
  /** Settings of the server beside those of its place. */
  readonly settings: Readonly<Record<string, string>>;
}

const TEXT = 'A message as people write them in a chat: some words, not many, and a full stop.';

/** One server, fresh, and one generator. Rejects if a post was refused or a connection ended: then nothing is comparable. */
export async function measure(run: Run, place: Place): Promise<Measured> {
  const target = await startTarget('parlor', { ...run.settings, ...place.settings });
  const load: PostLoad = {
    port: target.port,
    rooms: run.rooms,
    inFlight: run.inFlight,
    warmUpMs: run.warmUpMs,
    seconds: run.seconds,
    post: JSON.stringify({ type: 'post', text: TEXT }),
  };
  const generator = startGenerator('posters', load);
  try {
    await generator.says('ready');
    generator.go();
    await generator.says('begun');
    const before = await look(target, place);
    const result = JSON.parse(await generator.line()) as PostResult;
    const after = await look(target, place);
    if (result.faults > 0 || result.p50 === null || result.p99 === null)
      throw new Error(
        [`${result.faults} posts failed, ${result.acks} were acked`, ...target.complaints()].join('\n'),
      );
    const seconds = after.at - before.at;
    const commits = after.commits - before.commits;
    const perSecond = (read: (look: typeof after) => number): number =>
      (read(after) - read(before)) / seconds;
    const serverCpu = perSecond(({ server }) => server);
    const generatorCpu = result.cpuSeconds / result.seconds;
    const storeCpu =
      after.store === null || before.store === null ? null : (after.store - before.store) / seconds;
    return {
      postsPerSecond: result.acks / result.seconds,
      p50: result.p50,
      p99: result.p99,
      commitsPerSecond: perSecond((look) => look.commits),
      messagesPerCommit: (after.messages - before.messages) / commits,
      msPerCommit: ((after.commitSeconds - before.commitSeconds) / commits) * 1000,
      serverCpu,
      mainThreadCpu: perSecond(({ mainThread }) => mainThread),
      generatorCpu,
      storeCpu,
      othersCpu: perSecond(({ machine }) => machine) - serverCpu - generatorCpu - (storeCpu ?? 0),
    };
  } finally {
    generator.kill();
    await target.stop();
  }
}

/** Everything that only grows, at one moment. */
async function look(target: Target, place: Place) {
  const counters = await readCounters(target.port);
  return {
    ...counters,
    at: performance.now() / 1000,
    server: target.cpuSeconds(),
    mainThread: target.mainThreadSeconds(),
    store: place.cpuSeconds(),
    machine: machineSeconds(),
  };
}
