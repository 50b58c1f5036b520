import { assign } from '../../../adapters/rabbitmq/home/assignment.js';
import type { Proxy } from '../../support/proxy.js';
import type { PrivateRabbit } from '../../support/rabbitmq.js';
import { until } from '../../support/until.js';

/** One node's place in the line of a partition. */
interface Consumer {
  readonly partition: number;
  /** The node's id. */
  readonly id: string;
  /** Its channel. */
  readonly pid: string;
  readonly active: boolean;
}

/** By partition, each node of a virtual host that consumes it, and whether it is the home, as RabbitMQ says. */
async function consumers(rabbit: PrivateRabbit, vhost: string): Promise<Consumer[]> {
  const columns = ['queue_name', 'consumer_tag', 'channel_pid', 'active'];
  const printed = await rabbit.ctl('-q', 'list_consumers', '-p', nameOf(vhost), ...columns);
  return rows(printed).flatMap((row) => {
    const partition = /^parlor\.commands\.(\d+)$/.exec(row.get('queue_name') ?? '')?.[1];
    const [id = '', pid = ''] = [row.get('consumer_tag'), row.get('channel_pid')];
    return partition === undefined
      ? []
      : [{ partition: Number(partition), id, pid, active: row.get('active') === 'true' }];
  });
}

/**
 * Resolves when so many nodes consume the partitions of a virtual host, and the home of each is the preferred one; rejects
 * with what is otherwise after `timeoutMs`.
 */
export async function untilSpread(
  rabbit: PrivateRabbit,
  vhost: string,
  expected: { readonly partitions: number; readonly living: number },
  timeoutMs: number,
): Promise<void> {
  let wrong: string[] = [];
  const isSpread = async (): Promise<boolean> => {
    const all = await consumers(rabbit, vhost);
    const ids = new Set(all.map(({ id }) => id));
    const active = new Map(all.filter((one) => one.active).map(({ partition, id }) => [partition, id]));
    wrong = assign(expected.partitions, ids).flatMap(([first], partition) =>
      active.get(partition) === first ? [] : [`${partition}: ${active.get(partition)} and not ${first}`],
    );
    if (ids.size !== expected.living) wrong.push(`${ids.size} nodes, and not ${expected.living}`);
    return wrong.length === 0;
  };
  await until(isSpread, {
    timeoutMs,
    what: () => `the partitions to be spread over the nodes: ${wrong.join(', ')}`,
  });
}

/** Which of these nodes is the home of each partition. A partition that nobody consumes is left out. */
export async function homesOf<N extends { readonly link: Proxy }>(
  rabbit: PrivateRabbit,
  vhost: string,
  nodes: readonly N[],
): Promise<Map<number, N>> {
  const [all, channels] = await Promise.all([
    consumers(rabbit, vhost),
    rabbit.ctl('-q', 'list_channels', 'pid', 'name'),
  ]);
  const ports = new Map(
    rows(channels).map((row) => [row.get('pid') ?? '', Number(/:(\d+) ->/.exec(row.get('name') ?? '')?.[1])]),
  );
  return new Map(
    all.flatMap(({ partition, pid, active }) => {
      const node = nodes.find(({ link }) => link.ports().includes(ports.get(pid) ?? 0));
      return active && node ? [[partition, node]] : [];
    }),
  );
}

/** The commands that wait in the queues of partitions, or are with a home that has not acknowledged them: by queue. */
export async function commandsQueued(rabbit: PrivateRabbit, vhost: string): Promise<Map<string, number>> {
  const printed = await rabbit.ctl('-q', 'list_queues', '-p', nameOf(vhost), 'name', 'messages');
  const all = rows(printed).map((row) => [row.get('name') ?? '', Number(row.get('messages'))] as const);
  return new Map(all.filter(([name, count]) => /^parlor\.commands\.\d+$/.test(name) && count > 0));
}

/** The name of the virtual host in a URL. */
export function nameOf(vhost: string): string {
  return decodeURIComponent(new URL(vhost).pathname.slice(1));
}

/** What rabbitmqctl printed, by the names in its first line: it has an order of its own for columns (3.10). */
function rows(printed: string): Map<string, string>[] {
  const [names = [], ...lines] = printed
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  return lines.map((values) => new Map(names.map((name, i) => [name, values[i] ?? ''])));
}
