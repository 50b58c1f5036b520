import type { FigureInfo } from '../report/result.js';
import { startNodes } from './cluster.js';
import { DELIVERIES, P50, P99, POSTS, ratio } from './columns.js';
import { faultsOf, figuresOf, group, groupOf, planOf, runLoad } from './measure.js';
import type { Cell, RunContext, Scenario } from './scenario.js';
import type { Subject, SubjectName } from './subjects.js';

const COUNTS = [1, 2, 4] as const;
/** Rooms of two whose members are on different nodes, if there is more than one. */
const ROOMS = 400;
/** Until the nodes have shared the partitions out: 3 s without a change, and a step for each of them. */
const SPREAD_MS = 8_000;

/** CPU per post, µs: what each part costs, whatever part of the two cores it gets. */
const NODE_CPU: FigureInfo = { key: 'node_cpu', title: 'nodes, µs a post', digits: 0 };
const BROKER_CPU: FigureInfo = { key: 'broker_cpu', title: 'broker, µs a post', digits: 0 };

function nodesOf(context: RunContext, target: SubjectName, count: number): Promise<Subject[]> {
  return target === 'parlor-rabbitmq' ? startNodes(context, count) : startRelays(context, count);
}

async function startRelays(context: RunContext, count: number): Promise<Subject[]> {
  const relays: Subject[] = [];
  for (let n = 0; n < count; n++) {
    const url = relays[0]?.brokerUrl;
    relays.push(await context.target('uws-relay', url ? { AMQP_URL: url } : {}));
  }
  return relays;
}

function named(load: 'many' | 'one', count: number): string {
  const what = load === 'many' ? `${ROOMS} rooms of two` : 'one post in flight';
  return `${what}, ${count} ${count === 1 ? 'node' : 'nodes'}`;
}

function cell(target: SubjectName, load: 'many' | 'one', count: number): Cell {
  return {
    variant: named(load, count),
    target,
    async run(context) {
      const nodes = await nodesOf(context, target, count);
      const rooms = load === 'many' ? ROOMS : 1;
      const groups = [
        group({
          ...{ name: 'all', rooms, members: load === 'many' ? 2 : 4, posters: 1 },
          load: { type: 'closed', inFlight: 1 },
        }),
      ];
      const generator = context.load(
        planOf(nodes, context.mode, groups, { processes: 1, warmUpMs: count > 1 ? SPREAD_MS : 2_000 }),
      );
      await generator.connect();
      const { result, cpu } = await runLoad(generator, nodes);
      const figures = figuresOf(groupOf(result, 'all'), result.seconds);
      const posts = figures['posts'] ?? NaN;
      return {
        figures: {
          ...figures,
          [NODE_CPU.key]: (cpu.server / posts) * 1e6,
          ...(cpu.broker === null ? {} : { [BROKER_CPU.key]: (cpu.broker / posts) * 1e6 }),
        },
        cpu,
        faults: faultsOf(result, nodes),
      };
    },
  };
}

const TARGETS: readonly SubjectName[] = ['parlor-rabbitmq', 'uws-relay'];

export const scale: Scenario = {
  name: 'scale',
  title: 'Several nodes on one machine',
  about:
    `1, 2 and 4 nodes on one RabbitMQ and one PostgreSQL, beside as many relays of uWebSockets.js and amqplib, which keep nothing, on one RabbitMQ. ` +
    `${ROOMS} rooms of two whose members are on different nodes, one post in flight in each; and one room of four, one post in flight. ` +
    'All share the two cores with RabbitMQ, PostgreSQL and the generator, so what counts is the CPU that a post costs.',
  short: { rounds: 1, seconds: 4 },
  long: { rounds: 5, seconds: 10 },
  onlyLong: true,
  figures: [POSTS, DELIVERIES, P50, P99, NODE_CPU, BROKER_CPU],
  chart: { type: 'bars', title: 'CPU of the nodes for a post, µs', figure: NODE_CPU.key, digits: 0 },
  blocks: () =>
    COUNTS.flatMap((count) =>
      (['many', 'one'] as const).map((load) => ({
        cells: TARGETS.map((target) => cell(target, load, count)),
      })),
    ),
  comparisons: COUNTS.flatMap((count) => [
    ratio(
      `one post in flight, ${count} ${count === 1 ? 'node' : 'nodes'}: p50 of parlor-rabbitmq to uws-relay`,
      P50,
      { variant: named('one', count), target: 'parlor-rabbitmq' },
      { variant: named('one', count), target: 'uws-relay' },
      null,
    ),
  ]),
};
