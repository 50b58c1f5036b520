import { availableParallelism } from 'node:os';
import type { Group, GroupResult, LoadPlan, LoadResult, Quantiles } from '../load/plan.js';
import type { Load } from '../load/start.js';
import type { Cpu } from '../report/result.js';
import { machineSeconds } from '../targets/processes.js';
import type { Mode } from './scenario.js';
import type { Subject } from './subjects.js';

/** Of a post's text: a sentence or two. */
export const TEXT_BYTES = 100;
const WARM_UP_MS = { short: 700, long: 2_000 };
/** Handshakes under way at once. */
const CONNECTING = 256;
/** Below the 20,000 files that a process may have open where nobody has changed it. */
const CONNECTIONS_PER_PROCESS = 18_500;
/** More of them take more from the server than they give to the load. */
const MOST_PROCESSES = 4;

/** Settings of a target that keeps messages: in memory, as no other target keeps any. */
export const IN_MEMORY = { STORE: 'memory' } as const;

export function warmUpMs(mode: Mode): number {
  return mode.long ? WARM_UP_MS.long : WARM_UP_MS.short;
}

/** A group of which only what differs from one silent room of one member is told. */
export function group(of: Partial<Group> & Pick<Group, 'name'>): Group {
  return { rooms: 1, members: 1, talkEvery: 1, posters: 0, load: { type: 'none' }, ...of };
}

/** A plan for these groups: as many processes as their connections need, and as the server leaves cores for. */
export function planOf(
  targets: readonly Subject[],
  mode: Mode,
  groups: readonly Group[],
  changes: Partial<LoadPlan> = {},
): LoadPlan {
  const connections = groups.reduce((sum, { rooms, members }) => sum + rooms * members, 0);
  const spare = Math.min(MOST_PROCESSES, Math.max(1, availableParallelism() - targets.length));
  return {
    dialect: targets[0]?.dialect ?? 'parlor',
    ports: targets.map(({ port }) => port),
    processes: Math.max(Math.min(spare, connections), Math.ceil(connections / CONNECTIONS_PER_PROCESS)),
    groups,
    warmUpMs: warmUpMs(mode),
    seconds: mode.seconds,
    connecting: CONNECTING,
    textBytes: TEXT_BYTES,
    ...changes,
  };
}

/** What is to know when a measured window begins and ends. */
export interface Edges {
  begun(): void;
  ended(): void;
}

/** Notes what everybody has used of the machine at the edges of a measured window. */
export interface CpuWatch extends Edges {
  /** After both. `generatorSeconds`: CPU that the generator used within the window; null where nobody knows. */
  cpu(generatorSeconds: number | null): Cpu;
}

/** Several as one. */
export function edgesOf(...all: readonly Edges[]): Edges {
  return {
    begun: () => all.forEach((one) => one.begun()),
    ended: () => all.forEach((one) => one.ended()),
  };
}

export function watchCpu(targets: readonly Subject[]): CpuWatch {
  const look = () => ({
    at: performance.now() / 1000,
    server: targets.reduce((sum, target) => sum + target.cpuSeconds(), 0),
    mainThread: targets.reduce((sum, target) => sum + target.mainThreadSeconds(), 0),
    threads: new Map(targets.flatMap((target) => [...target.otherThreadSeconds()])),
    broker: brokerSecondsOf(targets),
    machine: machineSeconds(),
  });
  let first = look();
  let last = first;
  return {
    begun: () => void (first = look()),
    ended: () => void (last = look()),
    cpu(generatorSeconds) {
      const seconds = last.at - first.at;
      const server = (last.server - first.server) / seconds;
      const generator = generatorSeconds === null ? null : generatorSeconds / seconds;
      const broker =
        last.broker === null || first.broker === null ? null : (last.broker - first.broker) / seconds;
      const all = (last.machine - first.machine) / seconds;
      return {
        server,
        mainThread: (last.mainThread - first.mainThread) / seconds,
        nextThread: busiest(first.threads, last.threads) / seconds,
        generator,
        broker,
        // Counted in hundredths of a second, so it may come out a little below nothing.
        others: generator === null ? null : Math.max(0, all - server - generator - (broker ?? 0)),
      };
    },
  };
}

/** What the thread that has used the most between two looks has used, seconds; thread ids are unique on a machine. */
function busiest(first: ReadonlyMap<number, number>, last: ReadonlyMap<number, number>): number {
  return Math.max(0, ...[...last].map(([id, seconds]) => seconds - (first.get(id) ?? 0)));
}

/** Of the one that can be seen: nodes of a cluster share theirs. */
function brokerSecondsOf(targets: readonly Subject[]): number | null {
  for (const target of targets) {
    const seconds = target.brokerCpuSeconds();
    if (seconds !== null) return seconds;
  }
  return null;
}

/** Runs a load that is connected, and watches the machine meanwhile. */
export async function runLoad(
  load: Load,
  targets: readonly Subject[],
  ...more: readonly Edges[]
): Promise<{ readonly result: LoadResult; readonly cpu: Cpu }> {
  const watch = watchCpu(targets);
  const result = await load.run(edgesOf(watch, ...more));
  return { result, cpu: watch.cpu(result.cpuSeconds) };
}

export function groupOf(result: LoadResult, name: string): GroupResult {
  const found = result.groups.find((one) => one.name === name);
  if (!found) throw new Error(`the load generator says nothing about the group ${name}`);
  return found;
}

/** What a group shows: rates a second, and from a post to its deliveries and acks, ms. */
export function figuresOf(of: GroupResult, seconds: number): Record<string, number> {
  return {
    deliveries: of.deliveries / seconds,
    posts: of.posts / seconds,
    acks: of.acks / seconds,
    ...quantileFigures('', of.delivery),
    ...quantileFigures('ack_', of.ack),
  };
}

/** Quantiles as figures, none where nothing was counted. */
export function quantileFigures(prefix: string, of: Quantiles): Record<string, number> {
  if (of.count === 0) return {};
  const { p50, p90, p99, p999, max } = of;
  return Object.fromEntries(
    Object.entries({ p50, p90, p99, p999, max }).map(([key, value]) => [prefix + key, value]),
  );
}

/** How a server says that it takes no more now: what a scenario that asks for too much has to expect. */
export const TOO_MUCH = ['rate_limited', 'unavailable'] as const;

/** What a scenario means to happen, and so is no fault. */
export interface Expected {
  /** Close codes. */
  readonly closed?: readonly string[];
  /** Codes of error frames. */
  readonly refused?: readonly string[];
}

/** Everything that went wrong in a run, a line each. */
export function faultsOf(result: LoadResult, targets: readonly Subject[], expected: Expected = {}): string[] {
  const { lost, doubled, disordered, details } = result.faults;
  const counts = [
    ...(lost > 0 ? [`${lost} lost`] : []),
    ...(doubled > 0 ? [`${doubled} doubled`] : []),
    ...(disordered > 0 ? [`${disordered} out of order`] : []),
  ];
  const ofGroups = result.groups.flatMap(({ name, refused, closed }) => [
    ...unexpected(refused, expected.refused).map(
      ([code, count]) => `${name}: ${count} error frames with ${code}`,
    ),
    ...unexpected(closed, expected.closed).map(
      ([code, count]) => `${name}: the server closed ${count} connections with ${code}`,
    ),
  ]);
  return [
    ...(counts.length > 0 ? [[counts.join(', '), ...details.slice(0, 3)].join('; ')] : []),
    ...ofGroups,
    ...complaintsOf(targets),
  ];
}

function unexpected(
  counts: Readonly<Record<string, number>>,
  expected: readonly string[] = [],
): [code: string, count: number][] {
  return Object.entries(counts).filter(([code, count]) => count > 0 && !expected.includes(code));
}

/** What the servers have logged as warnings and errors. */
export function complaintsOf(targets: readonly Subject[]): string[] {
  return targets.flatMap((target) =>
    target.complaints().map((line) => `${target.name} logged ${line.slice(0, 200)}`),
  );
}
