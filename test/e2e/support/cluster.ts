import { partitionOf, slotOf } from '../../../engine/slots.js';
import { startParlor, type Env, type Parlor } from '../../support/parlor.js';
import { queryPostgres, startPrivatePostgres, type PrivatePostgres } from '../../support/postgres.js';
import { withDatabase } from '../../support/postgres-private.js';
import { freePorts } from '../../support/ports.js';
import { startProxy, type Proxy } from '../../support/proxy.js';
import { freshVhost } from '../../support/rabbitmq-private.js';
import { startPrivateRabbit, type PrivateRabbit } from '../../support/rabbitmq.js';
import { until } from '../../support/until.js';
import { homesOf, untilSpread } from './cluster-homes.js';

/** A Parlor process whose links to RabbitMQ and PostgreSQL can be cut. */
export interface ClusterNode {
  readonly name: string;
  /** The process now; after `restart` another one on the same port. */
  readonly parlor: Parlor;
  /** The way to RabbitMQ. */
  readonly link: Proxy;
  /** The way to PostgreSQL. */
  readonly database: Proxy;
  /** Starts it again after its process has ended; resolves when it is ready, rejects if it does not start. */
  restart(): Promise<void>;
}

/** Three real nodes on one RabbitMQ and one PostgreSQL. */
export interface Cluster {
  /** The virtual host at RabbitMQ, past the proxies. */
  readonly url: string;
  readonly nodes: readonly ClusterNode[];
  /** The nodes but one. */
  others(than: ClusterNode): ClusterNode[];
  /** Who is the home of each partition now, as RabbitMQ says. A partition that nobody consumes is left out. */
  homes(): Promise<Map<number, ClusterNode>>;
  /** Starts another one; resolves when it is ready. */
  add(name: string): Promise<ClusterNode>;
  /** Resolves when the partitions are spread over so many nodes, and stay where they are. */
  settled(living: number, timeoutMs?: number): Promise<void>;
  /** Ends all of it, at once. */
  close(): Promise<void>;
}

/** The two servers, for as many clusters as one likes: each gets a virtual host and a database of its own. */
export interface Servers {
  readonly rabbit: PrivateRabbit;
  readonly postgres: PrivatePostgres;
  close(): Promise<void>;
}

export const PARTITIONS = 16;
/** How long a post waits for its room before it is answered 202 or 503, ms. */
const REPLY_TIMEOUT_MS = 1_000;
const NAMES = ['one', 'two', 'three'];
/** For processes to start on a slow machine. */
const START_MS = 60_000;

export async function startServers(): Promise<Servers> {
  const [rabbit, postgres] = await Promise.all([startPrivateRabbit(), startPrivatePostgres()]);
  return {
    rabbit,
    postgres,
    async close() {
      await Promise.all([rabbit.close(), postgres.close()]);
    },
  };
}

/**
 * Starts three nodes at the same moment; resolves when they have shared the partitions out. `main`: another program than
 * the real one.
 */
export async function startCluster(servers: Servers, env: Env, main?: string): Promise<Cluster> {
  const { rabbit, postgres } = servers;
  const [vhost, database] = await Promise.all([freshVhost(rabbit), freshDatabase(postgres)]);
  const links = await Promise.all(NAMES.map(() => startProxy(rabbit.port)));
  const nodes: ClusterNode[] = [];
  const proxies: Proxy[] = [...links];

  async function start(name: string, link: Proxy): Promise<ClusterNode> {
    const [[port], toDatabase] = await Promise.all([freePorts(1), startProxy(postgres.port)]);
    proxies.push(toDatabase);
    const launch = (): Promise<Parlor> =>
      startParlor(
        {
          PORT: String(port),
          BROKER: 'rabbitmq',
          AMQP_URL: through(link, vhost),
          PARTITIONS: String(PARTITIONS),
          STORE: 'postgres',
          DATABASE_URL: through(toDatabase, database),
          REPLY_TIMEOUT_MS: String(REPLY_TIMEOUT_MS),
          ...env,
        },
        main,
      );
    let parlor = await launch();
    const node: ClusterNode = {
      ...{ name, link, database: toDatabase },
      get parlor() {
        return parlor;
      },
      async restart() {
        parlor = await launch();
      },
    };
    nodes.push(node);
    return node;
  }

  async function add(name: string): Promise<ClusterNode> {
    const link = await startProxy(rabbit.port);
    proxies.push(link);
    return start(name, link);
  }

  /** The node that comes first gets every partition: so all of them are let through at once. */
  async function release(): Promise<void> {
    await until(() => links.every(({ open }) => open > 0), { timeoutMs: START_MS, what: 'nodes to connect' });
    await Promise.all(links.map((link) => link.recover()));
  }

  const settled = (living: number, timeoutMs = START_MS): Promise<void> =>
    untilSpread(rabbit, vhost, { partitions: PARTITIONS, living }, timeoutMs);

  async function close(): Promise<void> {
    await Promise.all(nodes.map(({ parlor }) => parlor.end('SIGKILL')));
    await Promise.all(proxies.map((proxy) => proxy.close()));
  }

  links.forEach((link) => link.hang());
  try {
    const started = links.map((link, i) => start(NAMES[i] ?? '', link));
    await Promise.all([...started, release()]);
    await settled(NAMES.length);
  } catch (cause) {
    await close();
    throw cause;
  }
  return {
    url: vhost,
    nodes,
    others: (than) => nodes.filter((node) => node !== than),
    homes: () => homesOf(rabbit, vhost, nodes),
    add,
    settled,
    close,
  };
}

/** So many clusters, one after the other; each may be started while the one before it is still in use. */
export class Clusters {
  private next: Promise<Cluster> | null = null;

  constructor(
    private readonly servers: Servers,
    private readonly env: Env,
    private left: number,
  ) {}

  /** Begins to start the next one, if there is to be one. */
  prepare(): void {
    if (this.next !== null || this.left === 0) return;
    this.left--;
    this.next = startCluster(this.servers, this.env);
    // Whoever takes it gets the rejection.
    this.next.catch(() => undefined);
  }

  async take(): Promise<Cluster> {
    this.prepare();
    const taken = this.next;
    this.next = null;
    if (taken === null) throw new Error('no more clusters were ordered');
    return taken;
  }

  /** Ends the one that was prepared and not taken. */
  async close(): Promise<void> {
    await this.next?.then(
      (cluster) => cluster.close(),
      () => undefined,
    );
  }
}

/** `count` rooms whose ids begin with these in turn; these nodes are their homes in turn, for four rooms each. */
export function roomsAt(
  homes: ReadonlyMap<number, ClusterNode>,
  wanted: readonly ClusterNode[],
  prefixes: readonly string[],
  count: number,
): string[] {
  const rooms: string[] = [];
  for (let n = 0; rooms.length < count; n++) {
    const room = `${prefixes[rooms.length % prefixes.length]}${n}`;
    const home = wanted[(rooms.length >> 2) % wanted.length];
    if (homes.get(partitionOf(slotOf(room), PARTITIONS)) === home) rooms.push(room);
    else if (n > 1_000 * count) throw new Error(`no room has its home at ${home?.name}`);
  }
  return rooms;
}

/** A server's URL, by way of a proxy. */
function through({ port }: Proxy, url: string): string {
  const other = new URL(url);
  other.port = String(port);
  return other.href;
}

async function freshDatabase(postgres: PrivatePostgres): Promise<string> {
  const name = `cluster_${Math.random().toString(36).slice(2, 10)}`;
  await queryPostgres(postgres.url, `CREATE DATABASE ${name}`);
  return withDatabase(postgres.url, name);
}
