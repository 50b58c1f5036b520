/** What a node says of itself on every beat. It is no word of the engine's: nobody else hears it. */
export interface Alive {
  readonly node_id: string;
  /** The first one on a new link. Whoever hears it answers at once; what its sender has missed, the sender knows itself. */
  readonly hello?: boolean;
  /** The last one. */
  readonly bye?: boolean;
  /** It has subscribed to all partitions over a new link, and is at the end of their lines. */
  readonly placed?: boolean;
  /** It takes no partitions: it holds connections only, or is about to end. */
  readonly edge?: boolean;
  /** By node: counts how often nodes came back that the sender had taken for gone, or did not know when it began. */
  readonly returns?: Readonly<Record<string, number>>;
}

/** What follows from one `Alive`. */
export interface Heard {
  /** The sender had taken this node for gone. */
  readonly missed: boolean;
  /** The sender wants to know at once who lives. */
  readonly greet: boolean;
  /** The sender has ended. */
  readonly gone: boolean;
  /** The sender takes partitions from now on, or no more, or has lost its place in their lines with its link. */
  readonly moved: boolean;
}

/**
 * A node is gone after N beats of this node without a word of it. Four of 400 ms: a killed node is gone 1.2–1.6 s after
 * its last word, and a node may be silent for 1.2 s (a garbage collection, a slow disk) without harm.
 */
export const LEASE_BEATS = 4;
/** Who was alive when a link was lost gets so many more: links that break together come back up to 1.2 s apart. */
const PATIENCE_BEATS = 4;
/** How many nodes are remembered as gone: a node is a process, so every restart makes one. */
const REMEMBERED = 1_000;

/**
 * Which other nodes live. There is no clock in it: it counts beats, and the caller counts one only when what this node
 * itself had said has come back to it. So a pause of this process, or a broker that is slow for all, ends no lease.
 */
export class Leases {
  /** The beat in which each node was last heard; in the future where it is given more time. */
  private readonly last = new Map<string, number>();
  private readonly living = new Set<string>();
  /** Those of the living that take partitions. */
  private readonly takers = new Set<string>();
  private readonly gone = new Set<string>();
  private readonly returns = new Map<string, number>();
  /** By living node: its highest count of this node's own returns that was heard. */
  private readonly told = new Map<string, number>();
  private beats = 0;
  /** Goes up over all nodes: a count is always greater than those before it, also if its node was forgotten meanwhile. */
  private counted = 0;
  private isOpen = false;

  constructor(private readonly nodeId: string) {}

  /** The others that live. Changes as they come and go. */
  get nodes(): ReadonlySet<string> {
    return this.living;
  }

  /** The others that live and take partitions. */
  get homes(): ReadonlySet<string> {
    return this.takers;
  }

  /** Those of the others whose silence means something: not who is given time to come back after a lost link. */
  get expected(): ReadonlySet<string> {
    return new Set([...this.living].filter((id) => (this.last.get(id) ?? 0) <= this.beats));
  }

  /** From now on commands are carried out on the assumption that every node that lives is known. */
  open(): void {
    this.isOpen = true;
  }

  /** The link was lost, so nobody could be heard. */
  lost(): void {
    this.isOpen = false;
    for (const id of this.living) this.last.set(id, this.beats + PATIENCE_BEATS);
  }

  /** What this node says of itself now. */
  alive(kind: 'hello' | 'placed' | 'bye' | null = null, isEdge = false): Alive {
    return {
      node_id: this.nodeId,
      ...(kind === null ? {} : { [kind]: true }),
      ...(isEdge ? { edge: true } : {}),
      ...(this.returns.size === 0 ? {} : { returns: Object.fromEntries(this.returns) }),
    };
  }

  heard({ node_id: id, hello = false, placed = false, bye = false, edge = false, returns }: Alive): Heard {
    if (id === this.nodeId) return { missed: false, greet: false, gone: false, moved: false };
    if (bye) {
      const moved = this.takers.has(id);
      return { missed: false, greet: false, gone: this.end(id), moved };
    }
    this.seen(id, hello);
    const moved = hello || placed || this.takers.has(id) === edge;
    if (edge) this.takers.delete(id);
    else this.takers.add(id);
    const count = returns?.[this.nodeId] ?? 0;
    const missed = count > (this.told.get(id) ?? 0);
    if (missed) this.told.set(id, count);
    return { missed, greet: hello, gone: false, moved };
  }

  /** A command of this node is handed out here. */
  sent(id: string): void {
    if (id !== this.nodeId) this.seen(id, false);
  }

  /** What this node said has come back. Returns those whose lease is over with it. */
  beat(): string[] {
    this.beats++;
    const over = [...this.living].filter((id) => this.beats - (this.last.get(id) ?? 0) >= LEASE_BEATS);
    over.forEach((id) => this.end(id));
    return over;
  }

  /** The broker says that this node has no connection any more. False: it was gone already. */
  disconnected(id: string): boolean {
    return this.end(id);
  }

  private seen(id: string, hello: boolean): void {
    this.last.set(id, this.beats);
    const wasGone = this.gone.delete(id);
    if (hello) this.returns.delete(id);
    if (this.living.has(id)) return;
    this.living.add(id);
    if (!hello && (wasGone || this.isOpen)) this.returns.set(id, ++this.counted);
  }

  private end(id: string): boolean {
    if (!this.living.delete(id)) return false;
    this.takers.delete(id);
    for (const map of [this.last, this.returns, this.told]) map.delete(id);
    this.gone.add(id);
    const [oldest] = this.gone;
    if (oldest !== undefined && this.gone.size > REMEMBERED) this.gone.delete(oldest);
    return true;
  }
}
