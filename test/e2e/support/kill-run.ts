import type { History } from '../../checker/history.js';
import { startParlor, type Env, type Parlor } from '../../support/parlor.js';
import { freePorts } from '../../support/ports.js';
import { until } from '../../support/until.js';
import { Book } from './book.js';
import {
  hasCaughtUp,
  runService,
  startIntruder,
  startPoster,
  startSleeper,
  type Arena,
  type Pace,
  type Person,
} from './kill-people.js';
import { readRoster, readStoredRoom, type RoomReading } from './room-reading.js';
import { VisitBook } from './visits.js';
import { between } from './words.js';
import { seededRandom } from '../../support/random.js';

export interface KillOptions {
  /** The settings that choose the store. */
  readonly env: Env;
  readonly kills: number;
  /** Who posts what where, and when each kill comes, derive from it. */
  readonly seed: number;
  /** Another program than the real one. */
  readonly main?: string;
}

export interface KillResult {
  readonly history: History;
  /** What the store showed before the last kill and after it. */
  readonly before: readonly RoomReading[];
  readonly after: readonly RoomReading[];
  /** Posts without an answer at the moment of each kill. */
  readonly inFlight: readonly number[];
  /** Acks that nobody waited for. */
  readonly strays: readonly string[];
  /** What the processes logged as errors, or wrote to standard error. */
  readonly errors: readonly string[];
}

const CHANNELS = ['channel:kill-0', 'channel:kill-1', 'channel:kill-2'];
const PAIRS = ['kill-0', 'kill-1', 'kill-2'];
/** Only its members post: services are forbidden to. */
const DIRECT = 'direct:kill';
const ROOMS = [...CHANNELS, ...PAIRS, DIRECT];
const POSTERS = 3;
const SERVICES = 4;
/** Answers after which the load is taken to run again. */
const RUNNING = 30;
const LEAST_MS = 50;
const MOST_MS = 600;
/** For what takes a moment. What counts is that it comes, on a slow machine too; the test has a limit of its own. */
const PATIENCE_MS = 120_000;

/** Nobody waits: what counts is how much is under way at a kill. */
const PACE: Pace = { postEveryMs: 0, knockEveryMs: 20, intrudeEveryMs: 300, patienceMs: 20_000 };

const SETTINGS: Env = {
  RECOVERY_LIMIT: '1000000',
  MEMORY_EVENTS_PER_ROOM: '1000000',
  // Short, so that the seats of a room of two change hands often.
  GRACE_MS: '200',
};

/**
 * Runs the program under load and kills it (`SIGKILL`) so many times, each a random moment after the load runs again.
 * Then everybody catches up, the store is read, the program killed once more, and the store read again.
 */
export async function killRun({ env, kills, seed, main }: KillOptions): Promise<KillResult> {
  const random = seededRandom(seed);
  const [port = 0] = await freePorts(1);
  const start = (): Promise<Parlor> => startParlor({ ...SETTINGS, ...env, PORT: String(port) }, main);
  const server = gate();
  const book = new Book();
  const visits = new VisitBook();
  const arena: Arena = {
    ...{ pace: PACE, book, visits, handedOver: [], phase: 'load' },
    async door() {
      await server.opened();
      return { name: 'the only one', parlor };
    },
  };
  const errors: string[] = [];
  const inFlight: number[] = [];
  let parlor = await start();

  async function kill(): Promise<void> {
    server.close();
    inFlight.push(book.inFlight);
    await parlor.end('SIGKILL');
    errors.push(...errorsOf(parlor));
    parlor = await start();
    server.open();
  }

  try {
    server.open();
    const { people, intruders, services } = startLoad(arena, seed);
    for (let i = 0; i < kills; i++) {
      const running = book.posted + RUNNING;
      await until(() => book.posted >= running, {
        timeoutMs: PATIENCE_MS,
        what: `posts to be answered, kill ${i}`,
      });
      await new Promise((resolve) => setTimeout(resolve, between(random, LEAST_MS, MOST_MS)));
      await kill();
    }
    arena.phase = 'finish';
    await services;
    await until(() => book.inFlight === 0, { timeoutMs: PATIENCE_MS, what: 'the last answers' });
    await caughtUp(parlor, people);
    await Promise.all(intruders.map(({ gone }) => gone));
    const before = await readAll(parlor);
    const rosters = await Promise.all(ROOMS.map((room) => readRoster((path) => parlor.get(path), room)));
    arena.phase = 'over';
    await kill();
    await Promise.all(people.map(({ gone }) => gone));
    const after = await readAll(parlor);
    const everybody = [...people, ...intruders].map(({ record }) => record);
    const history = {
      attempts: book.attempts,
      members: everybody,
      rooms: after.map(({ room }) => room),
      visits: visits.visits,
      kicks: [],
      rosters,
      unsettled: [],
    };
    return { history, before, after, inFlight: inFlight.slice(0, kills), strays: book.strays, errors };
  } finally {
    arena.phase = 'over';
    server.open();
    await parlor.end('SIGKILL');
    errors.push(...errorsOf(parlor));
  }
}

/** Everybody who posts and listens, each with random numbers of its own. */
function startLoad(
  arena: Arena,
  seed: number,
): { people: Person[]; intruders: Person[]; services: Promise<unknown> } {
  let heads = 0;
  const numbers = () => seededRandom(seed + ++heads * 7_919);
  const people = [
    ...CHANNELS.flatMap((room, c) => [
      ...Array.from({ length: POSTERS }, (_, i) => startPoster(arena, room, `poster-${c}-${i}`, numbers())),
      startSleeper(arena, room, `sleeper-${c}`, numbers()),
    ]),
    ...[...PAIRS, DIRECT].flatMap((room) => [
      startPoster(arena, room, `alice-${room}`, numbers()),
      startPoster(arena, room, `bob-${room}`, numbers()),
    ]),
  ];
  const intruders = [...PAIRS, DIRECT].map((room) => startIntruder(arena, room, `carol-${room}`, numbers()));
  const services = Array.from({ length: SERVICES }, (_, i) =>
    runService(arena, ROOMS, `service-${i}`, numbers()),
  );
  return { people, intruders, services: Promise.all(services) };
}

async function caughtUp(parlor: Parlor, people: readonly Person[]): Promise<void> {
  for (const person of people) {
    const { room_id, name } = person.record;
    const head_seq = await headOf(parlor, room_id);
    await until(() => hasCaughtUp(person, head_seq), {
      timeoutMs: PATIENCE_MS,
      what: `${name} to have seen ${head_seq} messages of ${room_id}`,
    });
  }
}

/** 0 where the room is not known: the memory store has forgotten it, and nobody is back yet. */
async function headOf(parlor: Parlor, room_id: string): Promise<number> {
  const answer = await parlor.get(`/api/rooms/${room_id}`);
  if (answer.status === 404) return 0;
  if (!answer.ok) throw new Error(`${room_id} could not be read: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { head_seq: number }).head_seq;
}

async function readAll(parlor: Parlor): Promise<RoomReading[]> {
  const readings: RoomReading[] = [];
  for (const room of ROOMS) readings.push(await readStoredRoom((path) => parlor.get(path), room));
  return readings;
}

function errorsOf(parlor: Parlor): string[] {
  const logged = parlor.logs.filter(({ level }) => level >= 50).map((line) => JSON.stringify(line));
  return parlor.stderr() === '' ? logged : [...logged, parlor.stderr()];
}

/** Lets through whoever waits for it to be open. */
function gate(): { open: () => void; close: () => void; opened: () => Promise<void> } {
  let pass: () => void = () => undefined;
  let opened = new Promise<void>((resolve) => (pass = resolve));
  let isOpen = false;
  return {
    open() {
      isOpen = true;
      pass();
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      opened = new Promise<void>((resolve) => (pass = resolve));
    },
    opened: () => opened,
  };
}
