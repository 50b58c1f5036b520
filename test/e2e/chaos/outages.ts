import type { Span } from '../../checker/history.js';

/** A time in which the others could not hear a node, or might have taken it for gone. `node` null: every node. */
export interface Outage {
  readonly node: string | null;
  readonly from: number;
  /** When it was found to be well again; Infinity: not yet. */
  readonly to: number;
}

/** How long after everything is well the homes of rooms may still change, ms: nodes wait 3 s before they share out. */
const SHARING_MS = 5_000;

/** What was out of order when, by `performance.now()`. */
export class Outages {
  private readonly nodes: { node: string | null; from: number; to: number }[] = [];
  private readonly stores: { from: number; to: number }[] = [];

  /** To be called right before a node (null: all) can be heard no more. Call what it returns when it is well again. */
  ofNode(node: string | null): () => void {
    const outage = { node, from: performance.now(), to: Infinity };
    this.nodes.push(outage);
    return () => void (outage.to = performance.now());
  }

  /** The same for a way to the store: that costs nobody a seat. */
  ofStore(): () => void {
    const outage = { from: performance.now(), to: Infinity };
    this.stores.push(outage);
    return () => void (outage.to = performance.now());
  }

  get all(): readonly Outage[] {
    return this.nodes;
  }

  /** When homes could not be reached or changed. Ascending, and apart from each other. */
  unsettled(): Span[] {
    const spans: { from: number; to: number }[] = [];
    const all = [...this.nodes, ...this.stores].sort((a, b) => a.from - b.from);
    for (const { from, to } of all) {
      const last = spans.at(-1);
      const end = to + SHARING_MS;
      if (last && from <= last.to) last.to = Math.max(last.to, end);
      else spans.push({ from, to: end });
    }
    return spans.map(({ from, to }) => ({ from, to: to === Infinity ? null : to }));
  }
}
