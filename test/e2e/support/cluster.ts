import { assign } from '../../../adapters/rabbitmq/home/assignment.js';
import { partitionOf, slotOf } from '../../../engine/slots.js';
import { startParlor, type Env, type Parlor } from '../../support/parlor.js';
import { queryPostgres, startPrivatePostgres, type PrivatePostgres } from '../../support/postgres.js';
import { withDatabase } from '../../support/postgres-private.js';
import { startProxy, type Proxy } from '../../support/proxy.js';
import { freshVhost } from '../../support/rabbitmq-private.js';
import { startPrivateRabbit, type PrivateRabbit } from '../../support/rabbitmq.js';
import { until } from '../../support/until.js';

/** A Parlor process whose link to RabbitMQ can be cut. */
export interface ClusterNode {
  readonly name: string;
  readonly parlor: Parlor;
  readonly link: Proxy;
}

/** Three real nodes on one RabbitMQ and one PostgreSQL. */
export interface Cluster {
  readonly nodes: readonly ClusterNode[];
  /** The nodes but one. */
  others(than: ClusterNode): ClusterNode[];
  /** Who is the home of each partition now, as RabbitMQ says. A partition that nobody consumes is left out. */
  homes(): Promise<Map<number, ClusterNode>>;
  /** Starts another one; resolves when it is ready. */
  add(name: string): Promise<ClusterNode>;
  /** Resolves when the partitions are spread over so many nodes, and stay where they are. */
  settled(living: number): Promise<void>;
  /** Ends all of it, at once. */
  close(): Promise<void>;
}

/** The two servers, for as many clusters as one likes: each gets a virtual host and a database of its own. */
export interface Servers {
  readonly rabbit: PrivateRabbit;
  readonly postgres: PrivatePostgres;
  close(): Promise<void>;
}

const PARTITIONS = 16;
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

/** Starts three nodes at the same moment; resolves when they have shared the partitions out. */
export async function startCluster(servers: Servers, env: Env): Promise<Cluster> {
  const { rabbit, postgres } = servers;
  const [vhost, database] = await Promise.all([freshVhost(rabbit), freshDatabase(postgres)]);
  const vhostName = decodeURIComponent(new URL(vhost).pathname.slice(1));
  const links = await Promise.all(NAMES.map(() => startProxy(rabbit.port)));
  const nodes: ClusterNode[] = [];

  async function start(name: string, link: Proxy): Promise<ClusterNode> {
    const url = new URL(vhost);
    url.port = String(link.port);
    const parlor = await startParlor({
      BROKER: 'rabbitmq',
      AMQP_URL: url.href,
      PARTITIONS: String(PARTITIONS),
      STORE: 'postgres',
      DATABASE_URL: database,
      REPLY_TIMEOUT_MS: String(REPLY_TIMEOUT_MS),
      ...env,
    });
    const node = { name, parlor, link };
    nodes.push(node);
    return node;
  }

  async function add(name: string): Promise<ClusterNode> {
    const link = await startProxy(rabbit.port);
    links.push(link);
    return start(name, link);
  }

  /** The node that comes first gets every partition: so all of them are let through at once. */
  async function release(): Promise<void> {
    await until(() => links.every(({ open }) => open > 0), { timeoutMs: START_MS, what: 'nodes to connect' });
    await Promise.all(links.map((link) => link.recover()));
  }

  /** By partition, the id of each node that consumes it, and whether it is the home. */
  async function consumers(): Promise<{ partition: number; id: string; pid: string; active: boolean }[]> {
    // In the order in which they are printed, whatever the order here.
    const columns = ['queue_name', 'channel_pid', 'consumer_tag', 'active'];
    const printed = await rabbit.ctl('-q', 'list_consumers', '-p', vhostName, ...columns);
    return rows(printed).flatMap(([queue = '', pid = '', id = '', active]) => {
      const partition = /^parlor\.commands\.(\d+)$/.exec(queue)?.[1];
      return partition === undefined
        ? []
        : [{ partition: Number(partition), id, pid, active: active === 'true' }];
    });
  }

  async function settled(living: number): Promise<void> {
    let wrong: string[] = [];
    const isSpread = async (): Promise<boolean> => {
      const all = await consumers();
      const ids = new Set(all.map(({ id }) => id));
      const active = new Map(all.filter((one) => one.active).map(({ partition, id }) => [partition, id]));
      wrong = assign(PARTITIONS, ids).flatMap(([first], partition) =>
        active.get(partition) === first ? [] : [`${partition}: ${active.get(partition)} and not ${first}`],
      );
      if (ids.size !== living) wrong.push(`${ids.size} nodes, and not ${living}`);
      return wrong.length === 0;
    };
    await until(isSpread, {
      timeoutMs: START_MS,
      what: () => `the partitions to be spread over the nodes: ${wrong.join(', ')}`,
    });
  }

  async function homes(): Promise<Map<number, ClusterNode>> {
    const [all, channels] = await Promise.all([
      consumers(),
      rabbit.ctl('-q', 'list_channels', 'pid', 'name'),
    ]);
    const ports = new Map(
      rows(channels).map(([pid = '', channel = '']) => [pid, Number(/:(\d+) ->/.exec(channel)?.[1])]),
    );
    return new Map(
      all.flatMap(({ partition, pid, active }) => {
        const node = nodes.find(({ link }) => link.ports().includes(ports.get(pid) ?? 0));
        return active && node ? [[partition, node]] : [];
      }),
    );
  }

  async function close(): Promise<void> {
    await Promise.all(nodes.map(({ parlor }) => parlor.end('SIGKILL')));
    await Promise.all(links.map((link) => link.close()));
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
  return { nodes, others: (than) => nodes.filter((node) => node !== than), homes, add, settled, close };
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

async function freshDatabase(postgres: PrivatePostgres): Promise<string> {
  const name = `cluster_${Math.random().toString(36).slice(2, 10)}`;
  await queryPostgres(postgres.url, `CREATE DATABASE ${name}`);
  return withDatabase(postgres.url, name);
}

/** What rabbitmqctl printed, without the line of names. */
function rows(printed: string): string[][] {
  const lines = printed.trim().split('\n').slice(1);
  return lines.map((line) => line.split('\t'));
}
