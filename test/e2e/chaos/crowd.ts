import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '../../support/random.js';
import {
  runService,
  startIntruder,
  startPoster,
  startSleeper,
  type Arena,
  type Person,
} from '../support/kill-people.js';
import { between, freshPost, oneOf, type Random } from '../support/words.js';
import type { Post } from '../support/book.js';
import { openAmqpLine, type AmqpLine } from './amqp-line.js';

const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** Rooms of two. Into the first, services may post as well. */
const PAIRS = numbered('chaos-', 6);
const DIRECT = numbered('direct:chaos-', 6);
/** Without a limit. */
const CHANNELS = numbered('channel:chaos-', 4);
export const ROOMS = [...PAIRS, ...DIRECT, ...CHANNELS];
const POSTERS_IN_CHANNELS = 3;
const HTTP_SERVICES = 3;
const AMQP_SERVICES = 2;

export interface Crowd {
  /** Who posts, has a seat, and comes back until everything is over. */
  readonly residents: readonly Person[];
  /** Who only listens, comes and goes. */
  readonly sleepers: readonly Person[];
  readonly intruders: readonly Person[];
  /** Resolves when all services have stopped, after the load. */
  readonly services: Promise<unknown>;
}

/** Everybody, each with random numbers of its own. `amqpUrl`: where services reach RabbitMQ themselves. */
export function startCrowd(arena: Arena, amqpUrl: string, seed: number): Crowd {
  let heads = 0;
  const numbers = (): Random => seededRandom(seed + ++heads * 7_919);
  const pairs = [...PAIRS, ...DIRECT];
  const residents = [
    ...pairs.flatMap((room) => ['alice', 'bob'].map((user) => startPoster(arena, room, user, numbers()))),
    ...CHANNELS.flatMap((room) =>
      numbered('poster-', POSTERS_IN_CHANNELS).map((user) => startPoster(arena, room, user, numbers())),
    ),
  ];
  const sleepers = CHANNELS.map((room) => startSleeper(arena, room, 'sleeper', numbers()));
  const intruders = pairs.map((room) => startIntruder(arena, room, 'carol', numbers()));
  const services = [
    ...numbered('service-', HTTP_SERVICES).map((name) => runService(arena, ROOMS, name, numbers())),
    ...numbered('amqp-service-', AMQP_SERVICES).map((name) =>
      runAmqpService(arena, amqpUrl, name, numbers()),
    ),
  ];
  return { residents, sleepers, intruders, services: Promise.all(services) };
}

/** A service that posts over AMQP, one post after the other. Resolves when the load is over. */
async function runAmqpService(arena: Arena, url: string, name: string, random: Random): Promise<void> {
  const { pace, book } = arena;
  const again: Post[] = [];
  let line: AmqpLine | null = null;
  let lines = 0;
  while (arena.phase === 'load') {
    if (!line?.isOpen) {
      lines++;
      line = await openAmqpLine(url).catch((): null => null);
      if (!line) {
        await pause(pace.knockEveryMs);
        continue;
      }
    }
    const post = again.shift() ?? freshPost(random, oneOf(random, ROOMS), random() < 0.5 ? name : null);
    const attempt = book.sent(`${name}/${lines}`, post);
    const answer = await line.post(post, pace.patienceMs);
    book.settle(attempt, answer);
    const mayComeBack =
      answer.type === 'none' || (answer.type === 'refused' && answer.code === 'unavailable');
    if (mayComeBack ? random() < 0.7 : random() < 0.02) again.push(post);
    await pause(between(random, 0, 2 * pace.postEveryMs));
  }
  line?.close();
}
