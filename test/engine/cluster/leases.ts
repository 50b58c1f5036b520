import type { Carrier, Peer } from './parts.js';

/** Who takes whom for living. A node that has no link judges nobody until it has one again. */
export class Leases {
  private readonly watches = new Map<string, () => void>();
  private readonly timers = new Map<Peer, (() => void)[]>();

  constructor(private readonly network: Carrier) {}

  /** Calls after so long, if the node has not come back before. */
  at(endpoint: Peer, ms: number, call: () => void): void {
    const timers = this.timers.get(endpoint) ?? [];
    this.timers.set(endpoint, timers);
    timers.push(this.network.clock.after(ms, call));
  }

  /** From now on nobody hears of the node, and it hears of nobody. */
  out(endpoint: Peer): void {
    if (endpoint.link !== 'silent') this.cancelTimers(endpoint);
    if (endpoint.outSince !== null) return;
    endpoint.outSince = this.network.clock.elapsed();
    for (const other of this.network.endpoints) {
      if (other === endpoint) continue;
      this.unwatch(endpoint, other);
      if (other.link === 'up') this.watch(other, endpoint);
    }
  }

  /** The node is heard again, and hears. Answers who was taken for gone by somebody, or not known: it, or those it meets. */
  isBack(endpoint: Peer): Set<Peer> {
    this.cancelTimers(endpoint);
    endpoint.outSince = null;
    const wereGone = new Set<Peer>(endpoint.wasGone ? [endpoint] : []);
    endpoint.wasGone = false;
    for (const other of this.network.endpoints) {
      if (other === endpoint) continue;
      if (other.link === 'up') {
        this.unwatch(other, endpoint);
        if (!other.known.has(endpoint.nodeId)) wereGone.add(endpoint);
        if (!endpoint.known.has(other.nodeId)) wereGone.add(other);
        other.known.add(endpoint.nodeId);
        endpoint.known.add(other.nodeId);
      } else if (endpoint.known.has(other.nodeId) || this.mayLive(other)) {
        endpoint.known.add(other.nodeId);
        this.watch(endpoint, other);
      }
    }
    return wereGone;
  }

  /** Whether its lease is not over: then whoever begins to be a home has to know of it. */
  private mayLive({ outSince }: Peer): boolean {
    const { clock, timing } = this.network;
    return outSince !== null && clock.elapsed() < outSince + timing.leaseMs;
  }

  /** A command of `sender` is delivered at `home`, which has to know it, dead or alive. */
  heard(sender: Peer, home: Peer): void {
    if (sender === home || home.known.has(sender.nodeId)) return;
    home.known.add(sender.nodeId);
    sender.wasGone = true;
    if (sender.link !== 'up') this.watch(home, sender);
  }

  private watch(observer: Peer, subject: Peer): void {
    const name = `${observer.index} ${subject.index}`;
    this.watches.get(name)?.();
    const cancel = this.network.clock.after(this.network.timing.leaseMs, () => {
      this.watches.delete(name);
      if (observer.link !== 'up' || subject.link === 'up') return;
      if (observer.known.delete(subject.nodeId)) observer.handlers?.nodeGone(subject.nodeId);
    });
    this.watches.set(name, cancel);
  }

  private unwatch(observer: Peer, subject: Peer): void {
    const name = `${observer.index} ${subject.index}`;
    this.watches.get(name)?.();
    this.watches.delete(name);
  }

  private cancelTimers(endpoint: Peer): void {
    for (const cancel of this.timers.get(endpoint) ?? []) cancel();
    this.timers.delete(endpoint);
  }
}
