import type { FigureInfo } from '../report/result.js';
import { startNodes } from './cluster.js';
import { DELIVERIES, P50, P99, POSTS, value } from './columns.js';
import { faultsOf, figuresOf, group, groupOf, planOf, runLoad } from './measure.js';
import type { Cell, Scenario } from './scenario.js';

const NODES = 6;
const CONNECTIONS = 100_000;
const ROOMS = 1_000;
const MEMBERS = CONNECTIONS / ROOMS;
const VARIANT = `${NODES} processes on RabbitMQ and PostgreSQL`;

const CONNECTED: FigureInfo = { key: 'connected', title: 'connections', digits: 0 };
const JOINS: FigureInfo = { key: 'joins', title: 'joins/s', digits: 0 };
const RSS: FigureInfo = { key: 'rss', title: 'RSS of all, MiB', digits: 0 };
const IDLE: FigureInfo = { key: 'idle', title: 'before the first connection, MiB', digits: 0 };
const EACH: FigureInfo = { key: 'each', title: 'RSS a connection, B', digits: 0 };
/** 6 KiB. */
const EACH_BYTES = 6_144;

const cell: Cell = {
  variant: VARIANT,
  target: 'parlor-rabbitmq',
  async run(context) {
    const nodes = await startNodes(context, NODES);
    const resident = (): number => nodes.reduce((sum, node) => sum + node.residentBytes(), 0);
    const idle = resident();
    const load = context.load(
      planOf(nodes, context.mode, [
        group({
          ...{ name: 'all', rooms: ROOMS, members: MEMBERS, talkEvery: 10, posters: 1 },
          load: { type: 'open', perSecond: 100 },
        }),
      ]),
    );
    const connected = await load.connect();
    const { result, cpu } = await runLoad(load, nodes);
    const rss = resident();
    return {
      figures: {
        ...figuresOf(groupOf(result, 'all'), result.seconds),
        connected: connected.connections,
        joins: connected.connections / (connected.ms / 1000),
        idle: idle / 2 ** 20,
        rss: rss / 2 ** 20,
        each: (rss - idle) / connected.connections,
      },
      cpu,
      faults: faultsOf(result, nodes),
    };
  },
};

export const nodes: Scenario = {
  name: 'nodes',
  title: '100,000 connections on one machine',
  about:
    `${NODES} Parlor processes on one RabbitMQ and one PostgreSQL, ${CONNECTIONS.toLocaleString('en')} connections in ${ROOMS.toLocaleString('en')} rooms whose members are spread over all processes, ` +
    'and 100 posts a second into every tenth room.',
  short: { rounds: 1, seconds: 5 },
  long: { rounds: 1, seconds: 30 },
  onlyLong: true,
  patience: 600,
  figures: [CONNECTED, JOINS, POSTS, DELIVERIES, P50, P99, IDLE, RSS, EACH],
  chart: { type: 'bars', title: 'Connections on one machine', figure: CONNECTED.key, digits: 0 },
  blocks: () => [{ cells: [cell] }],
  comparisons: [
    value('connections on one machine', CONNECTED, cell, { atLeast: CONNECTIONS }),
    value('RSS a connection above the nodes before the first one', EACH, cell, { atMost: EACH_BYTES }, 'B'),
  ],
};
