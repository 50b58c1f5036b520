import { merged } from './latency.js';
import { checkPlan, roomsOf } from './layout.js';
import { clock } from './marker.js';
import type { ConnectReport, Expected, OrderName, Orders, PostedReport } from './orders.js';
import type { Connected, LoadPlan, LoadResult } from './plan.js';
import { startProcess, type LoadProcess } from './process.js';
import { pause } from './quiet.js';
import { expectedOf, faultsOf, groupResults, sum } from './result.js';

/** Awaited at the edges of the measured window. */
export interface Hooks {
  begun?(): Promise<void> | void;
  ended?(): Promise<void> | void;
}

export interface Reconnected extends Connected {
  /** Connections that have everything now, those who stayed among them. */
  readonly recovered: number;
}

export interface Load {
  /** Connects everybody; resolves when the last one is in. Rejects when one is refused. */
  connect(): Promise<Connected>;
  /**
   * Posts, warms up, measures, stops posting, waits until all is quiet, checks. May be called again; then the checks are
   * of everything since `connect`. Slow members read what is left for them at the end of it.
   */
  run(hooks?: Hooks): Promise<LoadResult>;
  /**
   * Drops all connections at once (RST) and comes back with `since` = the last seq seen, all at the same instant;
   * resolves when all have their welcome and what they missed, or nothing more comes. In each talking room one poster
   * stays: it posts once before the others are dropped, so that they know their seq, and some times while they are away.
   * Slow members, and who was closed by the server, come back, too, and read. `connections` are those who came back.
   * Rejects when one is refused. Dialect parlor only.
   */
  reconnect(): Promise<Reconnected>;
  stop(): Promise<void>;
}

/** Until all processes have heard when to begin. */
const HEAD_START_US = 50_000;
const POSTS_WHILE_AWAY = 5;

/** A load on a server, made by processes of its own. Throws when the plan contradicts itself. */
export function startLoad(plan: LoadPlan): Load {
  checkPlan(plan);
  const rooms = roomsOf(plan);
  let processes: readonly LoadProcess[] = [];

  const everybody = <N extends OrderName>(
    name: N,
    given: Orders[N]['given'],
  ): Promise<Orders[N]['answer'][]> => Promise.all(processes.map((one) => one.ask(name, given)));

  async function postAndMeasure(hooks: Hooks) {
    await everybody('post', { at: clock() + HEAD_START_US });
    await pause(plan.warmUpMs);
    await everybody('begin', {});
    const begun = performance.now();
    await hooks.begun?.();
    await pause(plan.seconds * 1000 - (performance.now() - begun));
    const windows = await everybody('end', {});
    await hooks.ended?.();
    return windows;
  }

  /** What is not refused may be so only now. */
  async function settle(
    reports: readonly PostedReport[],
  ): Promise<{ wasQuiet: boolean; expected: Expected }> {
    const quiet = await everybody('settle', expectedOf(rooms, reports));
    await everybody('drain', {});
    return { wasQuiet: quiet.every(Boolean), expected: expectedOf(rooms, await everybody('posted', {})) };
  }

  return {
    async connect() {
      if (processes.length > 0) throw new Error('the load is connected already');
      processes = Array.from({ length: plan.processes }, (_, self) => startProcess({ plan, self }));
      await everybody('ready', {});
      const begun = performance.now();
      return connected(await everybody('connect', {}), begun);
    },
    async run(hooks = {}) {
      const windows = await postAndMeasure(hooks);
      const { wasQuiet, expected } = await settle(await everybody('halt', {}));
      const checks = await everybody('check', expected);
      const groups = groupResults(plan, windows, checks);
      return {
        seconds: sum(windows.map(({ seconds }) => seconds)) / windows.length,
        cpuSeconds: sum(windows.map(({ cpuSeconds }) => cpuSeconds)),
        groups,
        faults: faultsOf(rooms, checks, groups, wasQuiet),
      };
    },
    async reconnect() {
      if (plan.dialect !== 'parlor') throw new Error(`there is no since in dialect ${plan.dialect}`);
      await everybody('track', {});
      const last = (await everybody('keep', { posts: 1 })).flat();
      await everybody('caughtUp', { kept: last });
      await everybody('drop', {});
      const kept = (await everybody('keep', { posts: POSTS_WHILE_AWAY })).flat();
      const begun = performance.now();
      const reports = await everybody('comeBack', { kept });
      return { ...connected(reports, begun), recovered: sum(reports.map(({ recovered }) => recovered)) };
    },
    async stop() {
      await Promise.all(processes.map((one) => one.stop()));
      processes = [];
    },
  };
}

function connected(reports: readonly ConnectReport[], begun: number): Connected {
  return {
    connections: sum(reports.map(({ connections }) => connections)),
    ms: performance.now() - begun,
    welcome: merged(reports.map(({ welcome }) => welcome)),
  };
}
