import type { Append, AppendResult, Store } from '../../../engine/ports.js';
import { turns } from '../../support/clock.js';
import type { NodeClock } from './node-clock.js';

/** Between one node and the store that all share: it can be closed, slow, or lose answers. */
export class StoreGate {
  /** `away`: nothing gets through. `mute`: what is asked is done, and the answer is lost. */
  fault: 'none' | 'away' | 'mute' = 'none';
  /** At most so many turns there, and back, at random. */
  delay = 0;
  /** Calls that are not answered. */
  open = 0;
  readonly store: Store;

  constructor(
    inner: Store,
    private readonly clock: NodeClock,
    private readonly random: () => number,
    appended: (appends: readonly Append[], results: readonly AppendResult[]) => void,
  ) {
    this.store = {
      start: () => inner.start(),
      identity: () => inner.identity(),
      append: (appends) =>
        this.pass(async () => {
          const results = await inner.append(appends);
          appended(appends, results);
          return results;
        }),
      load: (roomId) => this.pass(() => inner.load(roomId)),
      history: (page) => this.pass(() => inner.history(page)),
      log: (after, limit) => this.pass(() => inner.log(after, limit)),
      findEvents: (ids) => this.pass(() => inner.findEvents(ids)),
      findEvent: (id) => this.pass(() => inner.findEvent(id)),
      rooms: (after, limit) => this.pass(() => inner.rooms(after, limit)),
      restore: (record) => this.pass(() => inner.restore(record)),
      retain: (roomId, keep) => this.pass(() => inner.retain(roomId, keep)),
      sweep: () => this.pass(() => inner.sweep()),
      revoke: (revocation) => this.pass(() => inner.revoke(revocation)),
      unrevoke: (key) => this.pass(() => inner.unrevoke(key)),
      revocations: () => this.pass(() => inner.revocations()),
      state: () => {
        const ready = this.fault === 'none';
        return { kind: 'memory', ready, reason: ready ? null : 'the store does not answer' };
      },
      close: () => Promise.resolve(),
    };
  }

  private async pass<T>(call: () => Promise<T>): Promise<T> {
    this.open++;
    if (this.delay > 0) await this.wait();
    const asked = this.fault === 'away' ? null : { result: await call() };
    if (this.delay > 0) await this.wait();
    const isHeard = this.fault === 'none';
    return new Promise((resolve, reject) => {
      this.clock.call(() => {
        this.open--;
        if (asked && isHeard) resolve(asked.result);
        else reject(new Error('the store does not answer'));
      });
    });
  }

  private wait(): Promise<void> {
    return turns(Math.floor(this.random() * (this.delay + 1)));
  }
}
