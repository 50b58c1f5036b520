/**
 * Which test files may run at the same time on two cores. Four of all kinds at once keep them so busy that brokers start
 * late (tried); one file after the other leaves them idle most of the time.
 */

/** They open very many connections, count what gets through, or look for long tasks of a page. */
const ALONE = ['e2e/attacks', 'e2e/economy', 'e2e/idle', 'e2e/page-hard'];

/** They have several nodes that must hear each other in time, or must not be refused because the machine is busy. */
const NODES = [
  'e2e/chaos-planted',
  'e2e/balance',
  'e2e/cluster',
  'e2e/rabbit-cluster',
  'e2e/chaos',
  'e2e/crash-seen',
  'e2e/race-cluster',
  'e2e/fuzz',
];

/** They do next to nothing but wait for minutes, so that they may run beside those of several nodes. */
const QUIET = [
  'e2e/heartbeat',
  'e2e/client',
  'e2e/behind-a-proxy',
  'e2e/client-rooms',
  'e2e/long-poll',
  'e2e/stream',
  'e2e/one-store',
  'e2e/doors',
];

/** They wait for timeouts and brokers, or send one request after the other. The longest first. */
const WAITING = [
  'adapters/rabbitmq/outage',
  'adapters/broker',
  'adapters/rabbitmq/rooms',
  'adapters/rabbitmq/returns',
  'adapters/rabbitmq/cluster',
  'adapters/rabbitmq/alarm',
  'e2e/transfer',
  'e2e/page-access',
  'e2e/page',
  'adapters/rabbitmq/cut',
  'adapters/rabbitmq/home',
  'adapters/rabbitmq/foreign',
  'e2e/life',
  'e2e/auth-amqp',
  'e2e/auth-nodes',
  'e2e/policy',
  'e2e/auth-life',
  'e2e/auth-matrix',
  'e2e/bad-openings',
  'e2e/handshake',
  'e2e/openapi-requests',
  'e2e/rfc6455',
  'e2e/client-browser',
  'e2e/documents',
  'e2e/documents.property',
  'e2e/swagger',
  'e2e/utf8-out',
  'e2e/arrivals',
  'e2e/limits',
  'e2e/slowloris',
  'e2e/trusted-proxies',
];

/** All names above. */
export const SCHEDULED: readonly string[] = [...ALONE, ...NODES, ...QUIET, ...WAITING];

/** Some queues: a lane runs the files of the first one that is not empty, one after the other. */
export type Lane = readonly string[][];

/**
 * The lanes of each phase. Those of a phase run at the same time, the phases one after the other. Each file (a path such
 * as `e2e/chat.test.js`) is in one queue, which several lanes may share.
 */
export function schedule(files: readonly string[]): Lane[][] {
  const pick = (names: readonly string[]): string[] =>
    names.map((name) => `${name}.test.js`).filter((file) => files.includes(file));
  const [alone, nodes, quiet, waiting] = [pick(ALONE), pick(NODES), pick(QUIET), pick(WAITING)];
  const named = new Set([...alone, ...nodes, ...quiet, ...waiting]);
  const busy = files.filter((file) => !named.has(file));
  return [[[busy], [busy], [waiting, busy], [waiting]], [[nodes], [quiet]], [[alone]]];
}
