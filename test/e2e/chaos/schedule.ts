import { seededRandom } from '../../support/random.js';
import { between, oneOf, type Random } from '../support/words.js';

export type Server = 'RabbitMQ' | 'PostgreSQL';

/** What happens to one of the nodes, or to a server that all of them use. */
export type Fate =
  /** SIGKILL, and it is started again. */
  | { readonly type: 'kill'; readonly node: string }
  /** SIGTERM: it drains, ends, and is started again. */
  | { readonly type: 'drain'; readonly node: string }
  /** SIGSTOP, and SIGCONT. */
  | { readonly type: 'freeze'; readonly node: string }
  /** Its connections to a server end and none is accepted, or nothing comes through them; and it is mended. */
  | { readonly type: 'cut'; readonly node: string; readonly from: Server; readonly how: Cut }
  /** SIGKILL to all of a server, and it is started again with the data it had. */
  | { readonly type: 'crash'; readonly server: Server };

export type Cut = 'visibly' | 'silently';

export interface Happening {
  /** After the beginning, ms. */
  readonly at: number;
  /** How long it lasts before it is healed, ms. */
  readonly ms: number;
  readonly fate: Fate;
}

const NODES = ['one', 'two', 'three'] as const;

/** How often each happens, compared with the others. A server that crashes takes everything along: that is rarer. */
const WEIGHTS: readonly { readonly weight: number; readonly fate: (random: Random) => Fate }[] = [
  { weight: 3, fate: (random) => ({ type: 'kill', node: oneOf(random, NODES) }) },
  { weight: 3, fate: (random) => ({ type: 'freeze', node: oneOf(random, NODES) }) },
  { weight: 2, fate: (random) => ({ type: 'drain', node: oneOf(random, NODES) }) },
  { weight: 4, fate: (random) => cut(random, 'RabbitMQ') },
  { weight: 3, fate: (random) => cut(random, 'PostgreSQL') },
  { weight: 1, fate: () => ({ type: 'crash', server: 'RabbitMQ' }) },
  { weight: 2, fate: () => ({ type: 'crash', server: 'PostgreSQL' }) },
];

/** So many last at once at most: then one node at least is untouched, and something goes on. */
const AT_ONCE = 2;
/** Before the first: RabbitMQ 3.10 loses a quorum queue that is declared right before it is killed. */
const FIRST_MS = 2_000;
const GAP_MS = { least: 1_000, most: 9_000 };
/** Now and then nothing happens for long enough that everything settles, and it is certain again who has a seat. */
const CALM_MS = { least: 25_000, most: 35_000 };
const CALM = 0.1;
const SHORT_MS = 1_000;
const MIDDLE_MS = 10_000;
const LONG_MS = 60_000;
/** In a run shorter than this, s, nothing lasts for a minute: there would be little else. */
const LONG_RUN_S = 300;

/**
 * What happens in so many seconds: the same for the same seed. It is all healed before the end, two happenings at most
 * last at once, and never two on the same node, unless they cut its two links.
 */
export function plan(seed: number, seconds: number): Happening[] {
  const random = seededRandom(seed);
  const end = seconds * 1_000;
  const all: Happening[] = [];
  for (let at = FIRST_MS; ; at += gap(random)) {
    at = Math.max(at, placeAt(all, at));
    if (at + SHORT_MS > end) return all;
    const wanted = lasting(random, seconds);
    const ms = at + wanted > end ? SHORT_MS : wanted;
    const others = all.filter((one) => endOf(one) > at);
    let fate = fateOf(random);
    while (others.some((one) => clash(one.fate, fate))) fate = fateOf(random);
    all.push({ at, ms, fate });
  }
}

/** From this time on, not before `at`, fewer than AT_ONCE last. */
function placeAt(all: readonly Happening[], at: number): number {
  const ends = all
    .map(endOf)
    .filter((end) => end > at)
    .sort((a, b) => b - a);
  return ends[AT_ONCE - 1] ?? at;
}

function endOf({ at, ms }: Happening): number {
  return at + ms;
}

function gap(random: Random): number {
  const { least, most } = random() < CALM ? CALM_MS : GAP_MS;
  return between(random, least, most);
}

function lasting(random: Random, seconds: number): number {
  const dice = random();
  if (dice < 0.05 && seconds >= LONG_RUN_S) return LONG_MS;
  return dice < 0.5 ? MIDDLE_MS : SHORT_MS;
}

function fateOf(random: Random): Fate {
  const sum = WEIGHTS.reduce((total, { weight }) => total + weight, 0);
  let dice = random() * sum;
  for (const { weight, fate } of WEIGHTS) {
    if (dice < weight) return fate(random);
    dice -= weight;
  }
  throw new Error('the weights do not add up');
}

function cut(random: Random, from: Server): Fate {
  return {
    type: 'cut',
    node: oneOf(random, NODES),
    from,
    how: oneOf(random, ['visibly', 'silently'] as const),
  };
}

/** Whether two happenings cannot last at once. */
export function clash(one: Fate, two: Fate): boolean {
  if (one.type === 'crash' || two.type === 'crash')
    return one.type === 'crash' && two.type === 'crash' && one.server === two.server;
  if (one.node !== two.node) return false;
  return one.type !== 'cut' || two.type !== 'cut' || one.from === two.from;
}

/** What happens, in words. */
export function inWords(fate: Fate): string {
  switch (fate.type) {
    case 'kill':
      return `node ${fate.node} is killed`;
    case 'drain':
      return `node ${fate.node} is told to stop`;
    case 'freeze':
      return `node ${fate.node} is stopped`;
    case 'cut':
      return `node ${fate.node} is ${fate.how} cut off from ${fate.from}`;
    case 'crash':
      return `${fate.server} is killed`;
  }
}

/** How it is healed, in words. */
export function healedInWords(fate: Fate): string {
  switch (fate.type) {
    case 'kill':
    case 'drain':
      return `node ${fate.node} has started again`;
    case 'freeze':
      return `node ${fate.node} goes on`;
    case 'cut':
      return `node ${fate.node} reaches ${fate.from} again`;
    case 'crash':
      return `${fate.server} has started again`;
  }
}
