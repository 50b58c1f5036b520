/** Up to this many are looked through one by one. An empty Map takes 200 bytes, and most connections are in few rooms. */
const FEW = 8;
/** Shared by all that are empty. Nothing is ever put into it. */
const EMPTY: never[] = [];

/** Things by the id of their room, in few bytes where there are few. */
export class RoomList<T extends { readonly roomId: string }> {
  private few: readonly T[] | null = EMPTY;
  /** Null until there are more than FEW. There is no way back. */
  private many: Map<string, T> | null = null;

  get size(): number {
    return this.many?.size ?? this.few?.length ?? 0;
  }

  get(roomId: string): T | undefined {
    return this.many ? this.many.get(roomId) : this.few?.find((one) => one.roomId === roomId);
  }

  /** Adds one whose room is not here yet. */
  add(one: T): void {
    if (this.few !== null && this.few.length < FEW) {
      // Just as long as it has to be: `push` would make room for seventeen.
      this.few = this.few.concat(one);
      return;
    }
    this.many ??= new Map((this.few ?? []).map((other) => [other.roomId, other]));
    this.few = null;
    this.many.set(one.roomId, one);
  }

  /** Harmless if it is not here. */
  delete(one: T): void {
    this.many?.delete(one.roomId);
    this.few &&= this.few.filter((other) => other !== one);
  }

  /** All as they are now. */
  all(): readonly T[] {
    return this.many ? [...this.many.values()] : (this.few ?? []);
  }
}
