import { errorText } from '../engine/errors.js';
import { median } from './report/stats.js';
import { circumstances, print, table, tell, thousands } from './report/text.js';
import { measure, type Measured } from './stores/measure.js';
import { isOnMemory, newPlace, STORES, type StoreName } from './stores/places.js';
import { findPostgres } from './stores/find-postgres.js';
import type { PostgresServer } from './stores/postgres.js';

const PAIRS = Number(process.env['PAIRS'] ?? 5);
const SECONDS = Number(process.env['SECONDS'] ?? 5);
const WARM_UP_MS = 2_000;
const ROOMS = listed('ROOMS', '1,100,10000').map(Number);
const WANTED = listed('STORES', STORES.join(','));

/** What is measured: a store, or a way to use it, with so many rooms. */
interface Variant {
  readonly name: string;
  readonly store: StoreName;
  readonly rooms: number;
  readonly inFlight: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly runs: Measured[];
}

/** A ratio that was promised, of two variants in the same round. */
interface Goal {
  readonly of: Variant;
  readonly to: Variant;
  readonly atLeast: number | null;
}

/** With a commit for each message a room must have one under way at most: its turn is never divided. */
const SINGLE_ROOMS = 100;

function listed(name: string, initial: string): string[] {
  return (process.env[name] ?? initial).split(',').map((item) => item.trim());
}

/** 1 room: 64, 100 rooms: 256, 10,000 rooms: 1,024. */
function inFlightFor(rooms: number): number {
  return Math.round(64 * 2 ** Math.log10(rooms));
}

function variantsOf(stores: readonly StoreName[]): Variant[] {
  const variants = ROOMS.flatMap((rooms) =>
    stores.map((store): Variant => {
      return { name: store, store, rooms, inFlight: inFlightFor(rooms), settings: {}, runs: [] };
    }),
  );
  if (stores.includes('postgres'))
    variants.push({
      name: 'postgres, one message a commit',
      store: 'postgres',
      rooms: SINGLE_ROOMS,
      inFlight: SINGLE_ROOMS,
      settings: { COMMIT_BATCH: '1' },
      runs: [],
    });
  return variants;
}

function goalsOf(variants: readonly Variant[]): Goal[] {
  const single = variants.find(({ settings }) => 'COMMIT_BATCH' in settings);
  return variants.flatMap((of): Goal[] => {
    const memory = variants.find(({ store, rooms }) => store === 'memory' && rooms === of.rooms);
    if (of === single || of === memory) return [];
    return [
      ...(memory ? [{ of, to: memory, atLeast: of.store === 'sqlite' && of.rooms >= 100 ? 0.6 : null }] : []),
      ...(of.store === 'postgres' && single ? [{ of, to: single, atLeast: of.rooms >= 100 ? 5 : null }] : []),
    ];
  });
}

/**
 * What a store costs a client: the whole program with each of the stores, in turns, under the same load. Rooms of one
 * member each, who posts over a WebSocket and waits for acks. Prints Markdown.
 */
export async function runStores(): Promise<void> {
  const stores = STORES.filter((store) => WANTED.includes(store));
  const postgres = stores.includes('postgres') ? await findPostgres(tell) : null;
  try {
    const variants = variantsOf(stores.filter((store) => store !== 'postgres' || postgres !== null));
    if (variants.length === 0) throw new Error(`nothing to measure: STORES is some of ${STORES.join(', ')}`);
    for (let round = 1; round <= PAIRS; round++)
      for (const variant of variants) await add(variant, postgres, `round ${round}/${PAIRS}`);
    report(variants, postgres);
  } finally {
    await postgres?.close();
  }
}

async function add(variant: Variant, postgres: PostgresServer | null, round: string): Promise<void> {
  const what = `${variant.name}, ${roomsText(variant.rooms)}`;
  const place = await newPlace(variant.store, postgres);
  try {
    const one = await measure({ ...variant, warmUpMs: WARM_UP_MS, seconds: SECONDS }, place);
    variant.runs.push(one);
    tell(
      `${round}, ${what}: ${thousands(one.postsPerSecond)} posts/s, p50 ${one.p50.toFixed(1)} ms, others' CPU ${one.othersCpu.toFixed(2)}`,
    );
  } catch (cause) {
    throw new Error(`${what}: ${errorText(cause)}`, { cause });
  } finally {
    await place.remove();
  }
}

function report(variants: readonly Variant[], postgres: PostgresServer | null): void {
  print(`${circumstances()}${postgres ? `, ${postgres.about}` : ''}`);
  print(
    `Medians of ${PAIRS} rounds of ${SECONDS} s, stores in turns; server, load generator and databases share the machine.`,
  );
  const others = variants.flatMap(({ runs }) => runs.map((one) => one.othersCpu));
  print(
    `Everything else on the machine used ${median(others).toFixed(2)} CPU at the median, ${Math.max(...others).toFixed(2)} at most.`,
  );
  if (isOnMemory()) print('The files are on a tmpfs, so the figures of sqlite are not those of a disk.');
  print('');
  print(table(HEAD, variants.map(rowOf), 1));
  print('');
  const goals = goalsOf(variants);
  if (goals.length > 0) print(`${table(GOAL_HEAD, goals.map(goalRowOf), 2)}\n`);
  print('Posts a second, all rounds:');
  for (const { name, rooms, runs } of variants)
    print(`- ${name}, ${roomsText(rooms)}: ${runs.map((one) => thousands(one.postsPerSecond)).join(' · ')}`);
}

const HEAD = [
  'store',
  'rooms',
  'posts in flight',
  'posts/s',
  'post to ack p50, ms',
  'p99, ms',
  'commits/s',
  'messages a commit',
  'ms a commit',
  'CPU server',
  'its main thread',
  'generator',
  'PostgreSQL',
];

function rowOf({ name, rooms, inFlight, runs }: Variant): string[] {
  const of = (read: (one: Measured) => number): number => median(runs.map(read));
  const store = of((one) => one.storeCpu ?? NaN);
  return [
    name,
    thousands(rooms),
    thousands(inFlight),
    thousands(of((one) => one.postsPerSecond)),
    of((one) => one.p50).toFixed(1),
    of((one) => one.p99).toFixed(1),
    thousands(of((one) => one.commitsPerSecond)),
    of((one) => one.messagesPerCommit).toFixed(1),
    of((one) => one.msPerCommit).toFixed(2),
    of((one) => one.serverCpu).toFixed(2),
    of((one) => one.mainThreadCpu).toFixed(2),
    of((one) => one.generatorCpu).toFixed(2),
    Number.isNaN(store) ? '' : store.toFixed(2),
  ];
}

const GOAL_HEAD = ['posts/s of', 'to', 'goal', 'median', 'lowest', 'highest'];

function goalRowOf({ of, to, atLeast }: Goal): string[] {
  const ratios = of.runs.map((one, i) => one.postsPerSecond / (to.runs[i]?.postsPerSecond ?? NaN));
  return [
    `${of.name}, ${roomsText(of.rooms)}`,
    to.rooms === of.rooms ? to.name : `${to.name}, ${roomsText(to.rooms)}`,
    atLeast === null ? '' : `≥ ${atLeast.toFixed(2)}`,
    ...[median(ratios), Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2)),
  ];
}

function roomsText(rooms: number): string {
  return rooms === 1 ? '1 room' : `${thousands(rooms)} rooms`;
}
