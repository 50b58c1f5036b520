import { findPostgres } from '../stores/find-postgres.js';
import type { RunContext } from './scenario.js';
import type { Subject } from './subjects.js';

type Settings = Readonly<Record<string, string>>;

/**
 * Nodes on one broker and one fresh database, which end with the run. The first one brings the broker. What `others`
 * says is for all nodes but the first: with ROLE=edge, that one stays the home of every room.
 */
export async function startNodes(
  context: RunContext,
  count: number,
  settings: Settings = {},
  others: Settings = {},
): Promise<[first: Subject, ...others: Subject[]]> {
  let reason = 'there is no PostgreSQL';
  const postgres = await findPostgres((line) => (reason = line));
  if (!postgres) throw new Error(reason);
  context.defer(() => postgres.close());
  const database = await postgres.createDatabase();
  context.defer(() => database.drop());
  const shared = { ...settings, STORE: 'postgres', DATABASE_URL: database.url, DATABASE_POOL: '2' };
  const first = await context.target('parlor-rabbitmq', shared);
  if (first.brokerUrl === null) throw new Error('the first node does not say where its broker is');
  const nodes: [Subject, ...Subject[]] = [first];
  while (nodes.length < count)
    nodes.push(await context.target('parlor-rabbitmq', { ...shared, ...others, AMQP_URL: first.brokerUrl }));
  return nodes;
}
