import type { FigureInfo } from '../report/result.js';
import { startNodes } from './cluster.js';
import { against, value } from './columns.js';
import { complaintsOf, faultsOf, group, IN_MEMORY, planOf, quantileFigures, watchCpu } from './measure.js';
import type { Cell, RunContext, Scenario } from './scenario.js';
import type { Subject, SubjectName } from './subjects.js';

const CLIENTS = 10_000;
const ROOMS = 100;
const EVERYBODY: readonly SubjectName[] = ['parlor', 'uws-raw', 'ws', 'socket.io'];
const STORM = '10,000 connections, 256 under way at once';
const BACK = '10,000 clients come back at once with since';

export const JOINS: FigureInfo = { key: 'joins', title: 'joins/s', digits: 0 };
const WELCOME: FigureInfo[] = [
  { key: 'welcome_p50', title: 'connect to welcome p50, ms', digits: 1 },
  { key: 'welcome_p99', title: 'p99, ms', digits: 1 },
];
const RECOVERED: FigureInfo = { key: 'recovered', title: 'recovered', digits: 0 };

/** Many join at once. */
export function stormCell(target: SubjectName): Cell {
  return {
    variant: STORM,
    target,
    async run(context) {
      const server = await context.target(target, IN_MEMORY);
      const load = context.load(
        planOf([server], context.mode, [group({ name: 'storm', rooms: ROOMS, members: CLIENTS / ROOMS })]),
      );
      const watch = watchCpu([server]);
      watch.begun();
      const connected = await load.connect();
      watch.ended();
      return {
        figures: {
          joins: connected.connections / (connected.ms / 1000),
          ...quantileFigures('welcome_', connected.welcome),
        },
        cpu: watch.cpu(null),
        faults: complaintsOf([server]),
      };
    },
  };
}

export const joinStorm: Scenario = {
  name: 'join-storm',
  title: 'Join storm',
  about:
    '10,000 connections into 100 rooms, 256 handshakes under way at once, until the last one has its welcome ' +
    '(where a server has no welcome: until it is upgraded or subscribed).',
  short: { rounds: 2, seconds: 0.1 },
  long: { rounds: 7, seconds: 0.1 },
  figures: [JOINS, ...WELCOME],
  chart: { type: 'bars', title: 'Join storm: joins a second', figure: JOINS.key, digits: 0 },
  blocks: () => [{ cells: EVERYBODY.map(stormCell) }],
  comparisons: against(STORM, JOINS, { 'uws-raw': { atLeast: 0.5 }, ws: null, 'socket.io': null }),
};

const SECONDS: FigureInfo = { key: 'seconds', title: 'until all are back, s', digits: 1 };
const MISSING: FigureInfo = { key: 'missing', title: 'missing', digits: 0 };

interface Return {
  readonly clients: number;
  readonly rooms: number;
  readonly nodes: (context: RunContext) => Promise<Subject[]>;
}

/** Everybody gets some messages, loses the connection, and asks for what came after the last one. */
function backCell(variant: string, target: SubjectName, { clients, rooms, nodes }: Return): Cell {
  return {
    variant,
    target,
    async run(context) {
      const servers = await nodes(context);
      const load = context.load({
        ...planOf(servers, context.mode, [
          group({
            ...{ name: 'storm', rooms, members: clients / rooms, posters: 1 },
            load: { type: 'open', perSecond: rooms },
          }),
        ]),
        connecting: clients,
      });
      await load.connect();
      const result = await load.run();
      const watch = watchCpu(servers);
      watch.begun();
      const connected = await load.reconnect();
      watch.ended();
      return {
        figures: {
          joins: connected.connections / (connected.ms / 1000),
          seconds: connected.ms / 1000,
          ...quantileFigures('welcome_', connected.welcome),
          recovered: connected.recovered,
          missing: clients - connected.recovered,
        },
        cpu: watch.cpu(null),
        faults: faultsOf(result, servers),
      };
    },
  };
}

const back = backCell(BACK, 'parlor', {
  ...{ clients: CLIENTS, rooms: ROOMS },
  nodes: async (context) => [await context.target('parlor', IN_MEMORY)],
});

export const reconnectStorm: Scenario = {
  name: 'reconnect-storm',
  title: 'Reconnect storm',
  about:
    '10,000 clients in 100 rooms lose their connections at the same instant and are back at once, each with the seq it has seen last. ' +
    'Counted until the last one has its welcome.',
  short: { rounds: 2, seconds: 1 },
  long: { rounds: 5, seconds: 3 },
  figures: [JOINS, ...WELCOME, RECOVERED],
  chart: { type: 'bars', title: 'Reconnect storm: clients back a second', figure: JOINS.key, digits: 0 },
  blocks: () => [{ cells: [back] }],
  comparisons: [value('clients that were not recovered', MISSING, back, { atMost: 0 })],
};

const RESUMING = 50_000;
const RESUME_ROOMS = 500;
const RESUME_NODES = 3;
const RESUME = `${RESUMING.toLocaleString('en')} clients of ${RESUME_NODES} nodes come back at once with since`;

const resume = backCell(RESUME, 'parlor-rabbitmq', {
  ...{ clients: RESUMING, rooms: RESUME_ROOMS },
  nodes: (context) => startNodes(context, RESUME_NODES),
});

export const resumeStorm: Scenario = {
  name: 'resume-storm',
  title: 'Resume storm over several nodes',
  about:
    `${RESUME_NODES} nodes on one RabbitMQ and one PostgreSQL. ${RESUMING.toLocaleString('en')} clients in ${RESUME_ROOMS} rooms, whose members are spread over all nodes, ` +
    'lose their connections at the same instant and are back at once, each with the seq it has seen last. Counted until the last one has its welcome and every message.',
  short: { rounds: 1, seconds: 1 },
  long: { rounds: 5, seconds: 3 },
  onlyLong: true,
  patience: 400,
  figures: [SECONDS, JOINS, ...WELCOME, RECOVERED],
  chart: { type: 'bars', title: 'Resume storm: seconds until all are back', figure: SECONDS.key, digits: 1 },
  blocks: () => [{ cells: [resume] }],
  comparisons: [value('clients of three nodes that were not recovered', MISSING, resume, { atMost: 0 })],
};
