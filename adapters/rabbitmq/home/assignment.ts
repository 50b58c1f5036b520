/**
 * For each partition the nodes that may be its home, the preferred one first. Every node computes the same result from the
 * same set of nodes, so no node has to decide for the others.
 *
 * Rendezvous hashing (Thaler and Ravishankar, 1998): each pair of a partition and a node has a score, and the node with the
 * best score is the preferred home. So a node that joins or leaves moves only its own share. In addition, no node is
 * preferred for more than its share, rounded up: with 16 partitions and three nodes, chance alone would give one node seven
 * and another one three. The cost is that about one partition in 16 moves needlessly when a node leaves.
 */
export function assign(partitions: number, nodes: Iterable<string>): string[][] {
  const all = [...new Set(nodes)].sort();
  const share = Math.ceil(partitions / Math.max(1, all.length));
  const pairs = Array.from({ length: partitions }, (_, partition) =>
    all.map((node) => ({ partition, node, score: scoreOf(partition, node) })),
  );
  const orders = pairs.map((of) => [...of].sort(better).map(({ node }) => node));
  const preferred: (string | undefined)[] = Array.from({ length: partitions });
  const given = new Map<string, number>();
  for (const { partition, node } of pairs.flat().sort(better)) {
    const count = given.get(node) ?? 0;
    if (preferred[partition] !== undefined || count >= share) continue;
    preferred[partition] = node;
    given.set(node, count + 1);
  }
  return orders.map((order, partition) => [
    ...order.filter((node) => node === preferred[partition]),
    ...order.filter((node) => node !== preferred[partition]),
  ]);
}

interface Pair {
  readonly partition: number;
  readonly node: string;
  readonly score: number;
}

function better(a: Pair, b: Pair): number {
  return b.score - a.score || a.partition - b.partition || (a.node < b.node ? -1 : 1);
}

/** FNV-1a, and then the finalizer of MurmurHash3, since in FNV-1a the last bytes hardly affect the upper bits. */
function scoreOf(partition: number, node: string): number {
  let hash = 0x811c9dc5;
  for (const char of `${partition}/${node}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
