/** What a node tells the others about itself on every beat. The engine does not see it. */
export interface Alive {
  readonly node_id: string;
  /** The first one on a new link. Other nodes answer it at once. */
  readonly hello?: boolean;
  /** The last one: the node ends. */
  readonly bye?: boolean;
  /** It has subscribed to all partitions over a new link, so it is at the end of their lines. */
  readonly placed?: boolean;
  /** It is not the home of partitions: it has connections only, or is about to end. */
  readonly edge?: boolean;
  /** By node: counts how often it came back after the sender had taken it for gone, or had not known it at its start. */
  readonly returns?: Readonly<Record<string, number>>;
}

/** What an `Alive` means for its receiver. */
export interface Heard {
  /** The sender had taken this node for gone. */
  readonly missed: boolean;
  /** The sender wants to know at once which nodes are alive. */
  readonly greet: boolean;
  /** The sender has ended. */
  readonly gone: boolean;
  /** The sender has started or stopped to take partitions, or has lost its places in their lines with its link. */
  readonly moved: boolean;
}

/**
 * A node is taken for gone if nothing was received from it for this many beats of this node. Four of 400 ms: a killed node
 * is gone 1.2–1.6 s after its last message, and a node may be silent for 1.2 s (garbage collection, a slow disk) without
 * harm.
 */
export const LEASE_BEATS = 4;
/** More beats for nodes that were alive when the link was lost: links that break together come back up to 1.2 s apart. */
const PATIENCE_BEATS = 4;
/** How many gone nodes are remembered: a node is a process, so every restart adds one. */
const REMEMBERED = 1_000;

/**
 * Which other nodes are alive. It uses no clock but counts beats, and the caller counts one only when this node's own last
 * message has come back to it. So no lease ends because this process was suspended, or the broker is slow for all.
 */
export class Leases {
  /** By node: the beat of its last message; in the future if it is given more time. */
  private readonly last = new Map<string, number>();
  private readonly living = new Set<string>();
  /** Living nodes that take partitions. */
  private readonly takers = new Set<string>();
  private readonly gone = new Set<string>();
  private readonly returns = new Map<string, number>();
  /** By living node: the highest count of this node's returns that it has sent. */
  private readonly told = new Map<string, number>();
  private beats = 0;
  /** One counter for all nodes, so that counts only rise, even if a node was forgotten meanwhile. */
  private counted = 0;
  private isOpen = false;

  constructor(private readonly nodeId: string) {}

  /** The other living nodes: a live view. */
  get nodes(): ReadonlySet<string> {
    return this.living;
  }

  /** The other living nodes that take partitions. */
  get homes(): ReadonlySet<string> {
    return this.takers;
  }

  /** The other nodes, except those that are given time to come back after a lost link. */
  get expected(): ReadonlySet<string> {
    return new Set([...this.living].filter((id) => (this.last.get(id) ?? 0) <= this.beats));
  }

  /** From now on commands are carried out assuming that all living nodes are known. */
  open(): void {
    this.isOpen = true;
  }

  /** The link was lost, so nothing could be received from the others. */
  lost(): void {
    this.isOpen = false;
    for (const id of this.living) this.last.set(id, this.beats + PATIENCE_BEATS);
  }

  /** What this node tells the others about itself now. */
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

  /** A command of another node was delivered here: that node is alive. */
  sent(id: string): void {
    if (id !== this.nodeId) this.seen(id, false);
  }

  /** This node's message of a beat has come back. Returns the nodes whose leases end with that. */
  beat(): string[] {
    this.beats++;
    const over = [...this.living].filter((id) => this.beats - (this.last.get(id) ?? 0) >= LEASE_BEATS);
    over.forEach((id) => this.end(id));
    return over;
  }

  /** The broker reports that a node has no connection any more. False if it was gone already. */
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
