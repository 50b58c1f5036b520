import { against, P50, P99, POSTS } from './columns.js';
import { httpFaults, runHttp } from './http.js';
import { complaintsOf, IN_MEMORY } from './measure.js';
import type { Cell, Scenario } from './scenario.js';
import type { SubjectName } from './subjects.js';

const REST = 'over HTTP, 64 connections';
const CONNECTIONS = 64;
const ROOMS = 100;

function rest(target: SubjectName): Cell {
  return {
    variant: REST,
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

export const post: Scenario = {
  name: 'post',
  title: 'Posting as a service does',
  about:
    'Over HTTP: keep-alive connections with one post in flight each, over 100 rooms, answered 201. `fastify-node` is the same route with the same ' +
    'validation on Fastify over node:http, and does nothing but answer.',
  short: { rounds: 2, seconds: 2 },
  long: { rounds: 5, seconds: 5 },
  figures: [POSTS, P50, P99],
  chart: { type: 'bars', title: 'Post: posts a second', figure: POSTS.key, digits: 0 },
  blocks: () => [{ cells: [rest('parlor'), rest('fastify-node')] }],
  comparisons: against(REST, POSTS, { 'fastify-node': { atLeast: 1.5 } }),
};
