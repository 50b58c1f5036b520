import t from 'tap';
import { assign } from '../../../adapters/rabbitmq/home/assignment.js';
import { newId } from '../../../engine/ids.js';
import type { Delivery } from '../../../engine/ports.js';
import { partitionOf, slotOf } from '../../../engine/slots.js';
import { until } from '../../support/until.js';
import { cleanBroker, makeNode, post, type TestNode } from './node.js';

t.setTimeout(110_000);

const PARTITIONS = 16;
const ROOMS = Array.from({ length: 64 }, (_, i) => `r${i}`);
/** Short, so that the test is; longer than a node takes to take its place. */
const SETTLE_MS = 1_500;

/** Who handled what, in the order in which it was handled. */
interface Handled {
  readonly node: TestNode;
  readonly room: string;
  readonly n: number;
}

class Scene {
  readonly handled: Handled[] = [];
  /** By partition, who handled its last command. */
  readonly homes = new Map<number, TestNode>();
  /** By partition, how often the home was another one than before. */
  readonly moves = new Map<number, number>();
  private readonly sent = new Map<string, number>();
  longest = 0;

  constructor(private readonly url: string) {}

  async start(nodeId = newId()): Promise<TestNode> {
    const node = makeNode(this.url, { nodeId, partitions: PARTITIONS, settleMs: SETTLE_MS });
    node.act = (delivery) => this.handle(node, delivery);
    await node.broker.start(node);
    return node;
  }

  /** Posts into one room, one after the other, until `isOver`; each has to be carried out. */
  async talk(from: TestNode, room: string, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const n = (this.sent.get(room) ?? 0) + 1;
      this.sent.set(room, n);
      const asked = performance.now();
      const answer = await from.ask(post(room, String(n)));
      if (answer.type !== 'done') throw new Error(`${room} ${n}: ${JSON.stringify(answer)}`);
      this.longest = Math.max(this.longest, performance.now() - asked);
    }
  }

  /** Whether each partition is where all nodes would have it. */
  isSpread(nodes: readonly TestNode[]): boolean {
    const orders = assign(
      PARTITIONS,
      nodes.map(({ id }) => id),
    );
    return orders.every(([first], partition) => this.homes.get(partition)?.id === first);
  }

  private handle(node: TestNode, delivery: Delivery): void {
    const { command } = delivery;
    if (command.type !== 'post') return;
    this.handled.push({ node, room: command.room_id, n: Number(command.text) });
    const partition = partitionOf(slotOf(command.room_id), PARTITIONS);
    const before = this.homes.get(partition);
    this.homes.set(partition, node);
    if (before && before !== node) this.moves.set(partition, (this.moves.get(partition) ?? 0) + 1);
    delivery.settle({ type: 'done' });
  }
}

void t.test(
  'partitions are spread over the nodes that come and go, and every room keeps its order',
  async (t) => {
    const scene = new Scene(await cleanBroker());
    const first = await scene.start();
    t.teardown(() => first.broker.close());
    let isOver = false;
    const talks = ROOMS.map((room) => scene.talk(first, room, () => isOver));
    const failed = Promise.all(talks);
    failed.catch(() => undefined);
    const spread = async (nodes: readonly TestNode[], what: string): Promise<number> => {
      scene.moves.clear();
      scene.longest = 0;
      await until(() => scene.isSpread(nodes), { timeoutMs: 30_000, what });
      const moves = [...scene.moves.values()];
      t.comment(
        `${what}: ${moves.length} of ${PARTITIONS} partitions moved, the most often moved ${Math.max(0, ...moves)} times, longest answer ${Math.round(scene.longest)} ms`,
      );
      return moves.filter((count) => count > 1).length;
    };

    await spread([first], 'one node has all');
    const others = await Promise.all([scene.start(), scene.start()]);
    t.teardown(() => Promise.all(others.map(({ broker }) => broker.close())));
    const twice = await spread([first, ...others], 'three nodes share them');
    t.ok(twice <= 2, `${twice} partitions moved more than once`);
    const [staying, leaving] = others;
    if (!staying || !leaving) throw new Error('two nodes were started');
    await leaving.broker.drain(2_000);
    await leaving.broker.close();
    await spread([first, staying], 'two nodes share what three had');

    isOver = true;
    await failed;
    const last = new Map<string, number>();
    for (const { room, n } of scene.handled) {
      const before = last.get(room) ?? 0;
      if (n !== before && n !== before + 1) t.fail(`${room}: ${n} was handled after ${before}`);
      last.set(room, n);
    }
    t.equal(last.size, ROOMS.length);
  },
);
