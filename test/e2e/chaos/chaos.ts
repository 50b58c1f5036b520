import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from '../../checker/check.js';
import { writeHistory } from '../../checker/file.js';
import type { History } from '../../checker/history.js';
import { sentence } from '../../checker/violations.js';
import type { Parlor } from '../../support/parlor.js';
import { Book } from '../support/book.js';
import { startCluster, type Cluster, type Servers } from '../support/cluster.js';
import type { Arena, Pace } from '../support/kill-people.js';
import { VisitBook } from '../support/visits.js';
import { oneOf } from '../support/words.js';
import { startCrowd } from './crowd.js';
import { Deeds } from './deeds.js';
import { markDoubts } from './doubts.js';
import { figures } from './figures.js';
import { comeToRest, type DeadLetter } from './rest.js';
import type { Happening } from './schedule.js';

export interface ChaosOptions {
  readonly servers: Servers;
  readonly schedule: readonly Happening[];
  /** Who posts what where derives from it. */
  readonly seed: number;
  /** Another program than the real one, and settings for it. */
  readonly main?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Hears each thing when it happens, with its time. */
  readonly tell: (line: string) => void;
  /** How long each thing is waited for at the end, ms. */
  readonly patienceMs?: number;
}

export interface ChaosResult {
  readonly history: History;
  /** What breaks a promise, a line each; empty if all hold. */
  readonly faults: readonly string[];
  /** What was counted, in lines. */
  readonly figures: readonly string[];
}

/** How long a seat is kept, ms: longer than it takes to notice that a node is gone. */
const GRACE_MS = 3_000;
const SETTINGS = {
  GRACE_MS: String(GRACE_MS),
  RECOVERY_LIMIT: '1000000',
};
/** 36 who post are some 100 posts a second; 12 who try to get in, some 30 attempts. */
const PACE: Pace = { postEveryMs: 300, knockEveryMs: 250, intrudeEveryMs: 4 * GRACE_MS, patienceMs: 5_000 };
const PATIENCE_MS = 90_000;

/**
 * Three nodes on RabbitMQ and PostgreSQL, under load, while things happen to them; then everything is healed, and what all
 * clients saw is compared with what is stored.
 */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const { servers, schedule, seed, main, env, patienceMs = PATIENCE_MS } = options;
  const cluster = await startCluster(servers, { ...SETTINGS, ...env }, main);
  const begun = performance.now();
  const tell = (line: string): void => {
    const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
    options.tell(`${seconds.padStart(7)} s  ${line}`);
  };
  const deeds = new Deeds({ cluster, servers, tell });
  const visits = new VisitBook();
  const arena: Arena = {
    ...{ pace: PACE, book: new Book(), visits, handedOver: [], phase: 'load' },
    door: async (random) => oneOf(random, living(cluster, deeds)),
  };
  try {
    const crowd = startCrowd(arena, cluster.url, seed);
    await deeds.play(schedule);
    tell('everything is healed');
    const rest = await comeToRest({ cluster, servers, arena, crowd, graceMs: GRACE_MS, patienceMs });
    tell('everything is read');
    arena.phase = 'over';
    const everybody = [...crowd.residents, ...crowd.sleepers, ...crowd.intruders];
    const processes = [...deeds.ended, ...cluster.nodes.map(({ parlor }) => parlor)];
    await cluster.close();
    await Promise.all(everybody.map(({ gone }) => gone));
    markDoubts({ visits, outages: deeds.outages.all, graceMs: GRACE_MS });
    const history: History = {
      attempts: arena.book.attempts,
      members: everybody.map(({ record }) => record),
      rooms: rest.rooms,
      visits: visits.visits,
      kicks: [],
      rosters: rest.rosters,
      unsettled: deeds.outages.unsettled(),
    };
    const found = [
      ...deeds.faults,
      ...rest.faults,
      ...check(history).map(sentence),
      ...buried(history, rest.dead),
      ...processes.flatMap(complaintsOf),
    ];
    return { history, faults: found, figures: figures(history, arena.book, rest.dead, processes) };
  } finally {
    arena.phase = 'over';
    await cluster.close();
  }
}

/** The options that plant a fault into the program. */
export function planted(fault: string): Pick<ChaosOptions, 'main' | 'env'> {
  const main = fileURLToPath(new URL('../support/planted-main.js', import.meta.url));
  return { main, env: { FAULT: fault } };
}

/** Keeps the history of a result in a file. Resolves with a line that says where, and what to do with it. */
export async function saved({ history }: ChaosResult, seed: number): Promise<string> {
  const path = join(tmpdir(), `parlor-chaos-${seed}.jsonl`);
  await writeHistory(path, history);
  return `the history is in ${path}: node dist/test/checker/checker-main.js ${path}`;
}

function living({ nodes }: Cluster, { dead }: Deeds): Cluster['nodes'] {
  const all = nodes.filter((node) => !dead.has(node));
  // Somebody who finds no node knocks where one was.
  return all.length > 0 ? all : nodes;
}

/** Dead letters of posts that were said to be accepted. */
function buried({ attempts }: History, dead: readonly DeadLetter[]): string[] {
  const accepted = new Map(
    attempts
      .filter(({ answer }) => answer.type === 'posted' || answer.type === 'queued')
      .map(({ id, answer }) => [id, answer.type === 'posted' ? '201' : '202']),
  );
  return dead.flatMap(({ id, reason, detail }) => {
    const told = id === null ? undefined : accepted.get(id);
    return told === undefined
      ? []
      : [`${id} was answered ${told} and is in parlor.dead: ${reason}, ${detail}`];
  });
}

/** A store or a broker that is away is logged as an error; a crash is a fault whatever happens. */
function complaintsOf(parlor: Parlor): string[] {
  const crashes = parlor.logs.filter(({ msg }) => msg.includes('crash')).map((line) => JSON.stringify(line));
  return parlor.stderr() === '' ? crashes : [...crashes, `standard error: ${parlor.stderr()}`];
}
