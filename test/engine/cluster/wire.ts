interface Item {
  readonly due: number;
  readonly arrive: () => void;
  readonly isStuck: () => boolean;
}

const NEVER = (): boolean => false;

/**
 * Whatever is on its way between nodes. What is in one lane arrives in the order in which it was sent, each after some
 * turns of the event loop; lanes do not wait for each other. What is stuck arrives when it no longer is (see `poke`).
 */
export class Wire {
  private turn = 0;
  private ticking = false;
  private readonly lanes = new Map<string, Item[]>();

  send(lane: string, delay: number, arrive: () => void, isStuck = NEVER): void {
    let items = this.lanes.get(lane);
    if (!items) this.lanes.set(lane, (items = []));
    const due = Math.max(items.at(-1)?.due ?? 0, this.turn + 1 + delay);
    items.push({ due, arrive, isStuck });
    this.poke();
  }

  /** Something may no longer be stuck. */
  poke(): void {
    if (this.ticking || this.isIdle) return;
    this.ticking = true;
    setImmediate(() => this.tick());
  }

  /** Loses all that is in the lanes whose name begins so. */
  drop(prefix: string): void {
    for (const name of [...this.lanes.keys()]) if (name.startsWith(prefix)) this.lanes.delete(name);
  }

  /** Nothing will arrive, unless something comes unstuck. */
  get isIdle(): boolean {
    for (const items of this.lanes.values()) if (items[0]?.isStuck() === false) return false;
    return true;
  }

  private tick(): void {
    this.ticking = false;
    this.turn++;
    for (const [name, items] of [...this.lanes]) {
      for (let next = items[0]; next && next.due <= this.turn && !next.isStuck(); next = items[0]) {
        items.shift();
        next.arrive();
        if (this.lanes.get(name) !== items) break;
      }
      if (items.length === 0 && this.lanes.get(name) === items) this.lanes.delete(name);
    }
    this.poke();
  }
}
