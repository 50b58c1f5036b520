import { against, P50, P99, POSTS } from './columns.js';
import { httpFaults, runHttp } from './http.js';
import { runAmqpPosts } from '../amqp/poster.js';
import { complaintsOf, IN_MEMORY, quantileFigures, TEXT_BYTES, warmUpMs, watchCpu } from './measure.js';
import type { Cell, Scenario } from './scenario.js';
import type { SubjectName } from './subjects.js';

const REST = 'over HTTP, 64 connections';
const RABBIT = 'straight over RabbitMQ, 256 in flight';
const CONNECTIONS = 64;
const IN_FLIGHT = 256;
const ROOMS = 100;

/** Posts over HTTP, one in flight on each connection. */
export function httpCell(variant: string, target: SubjectName): Cell {
  return {
    variant,
    target,
    async run(context) {
      const server = await context.target(target, IN_MEMORY);
      const { result, cpu, figures } = await runHttp(server, context.mode, {
        ...{ connections: CONNECTIONS, load: { type: 'closed', inFlight: 1 }, rooms: ROOMS },
      });
      return { figures, cpu, faults: [...httpFaults(result), ...complaintsOf([server])] };
    },
  };
}

/** As a service posts that has no use for HTTP. */
function amqp(target: SubjectName): Cell {
  return {
    variant: RABBIT,
    target,
    async run(context) {
      const server = await context.target(target, IN_MEMORY);
      if (server.brokerUrl === null) throw new Error(`${target} does not say where its broker is`);
      const watch = watchCpu([server]);
      const result = await runAmqpPosts(
        {
          ...{ url: server.brokerUrl, rooms: ROOMS, inFlight: IN_FLIGHT, textBytes: TEXT_BYTES },
          ...{ warmUpMs: warmUpMs(context.mode), seconds: context.mode.seconds },
        },
        watch,
      );
      return {
        figures: { posts: result.posts / result.seconds, ...quantileFigures('', result.latency) },
        cpu: watch.cpu(result.cpuSeconds),
        faults: [
          ...Object.entries(result.refused).map(([code, count]) => `${count} posts were answered ${code}`),
          ...complaintsOf([server]),
        ],
      };
    },
  };
}

export const post: Scenario = {
  name: 'post',
  title: 'Posting as a service does',
  about:
    'Over HTTP: keep-alive connections with one post in flight each, over 100 rooms, answered 201. `fastify-node` is the same route with the same ' +
    'validation on Fastify over node:http, and does nothing but answer; `parlor-sqlite` is what `make run` starts, with each post on the disk before its answer. Over RabbitMQ: durable commands from one process, over 100 rooms, each answered ' +
    'on its reply queue; `amqp-bare` is amqplib alone, which consumes, publishes, confirms and answers the same bytes.',
  short: { rounds: 2, seconds: 2 },
  long: { rounds: 5, seconds: 5 },
  figures: [POSTS, P50, P99],
  chart: { type: 'bars', title: 'Post: posts a second', figure: POSTS.key, digits: 0 },
  blocks: () => [
    { cells: [httpCell(REST, 'parlor-sqlite'), httpCell(REST, 'parlor'), httpCell(REST, 'fastify-node')] },
    { cells: [amqp('parlor-rabbitmq'), amqp('amqp-bare')] },
  ],
  comparisons: [
    ...against(REST, POSTS, { 'fastify-node': { atLeast: 1.2 } }, 'parlor-sqlite'),
    ...against(REST, POSTS, { 'fastify-node': { atLeast: 1.5 } }),
    ...against(RABBIT, POSTS, { 'amqp-bare': { atLeast: 0.7 } }, 'parlor-rabbitmq'),
  ],
};
