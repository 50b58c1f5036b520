/** Joined and left frames kept for those who are being let in. */
const KEPT = 4_096;

/**
 * Who came and went while somebody is being let in. A welcome says who was there when the room gave the seat; what
 * happened between that and the moment the connection hears the room live is kept here.
 */
export class Comings {
  /** Connections that have asked for a seat, and how many frames there had been by then. */
  private readonly expected = new Map<string, number>();
  private frames: { readonly user: string; readonly frame: string }[] = [];
  /** How many were dropped before the first that is kept. */
  private dropped = 0;

  /** This connection is about to ask for a seat. */
  expect(id: string): void {
    this.expected.set(id, this.dropped + this.frames.length);
  }

  /** A frame that tells of this user's coming or going. Kept only while somebody is expected. */
  add(user: string, frame: string): void {
    if (this.expected.size === 0) return;
    this.frames.push({ user, frame });
    if (this.frames.length <= KEPT * 2) return;
    this.dropped += this.frames.length - KEPT;
    this.frames = this.frames.slice(-KEPT);
  }

  /** The frames about others since this connection asked for its seat. */
  since(id: string, user: string): string[] {
    const from = Math.max(0, (this.expected.get(id) ?? Infinity) - this.dropped);
    return this.frames
      .slice(from)
      .flatMap((one) => (one.user === user || one.frame === '' ? [] : [one.frame]));
  }

  /** A kick is an event with a seq and told as such: it must not be followed by how that user had come. */
  forget(user: string): void {
    this.frames = this.frames.map((one) => (one.user === user ? { user, frame: '' } : one));
  }

  /** This connection hears the room live, or has gone. */
  arrived(id: string): void {
    this.expected.delete(id);
    if (this.expected.size > 0) return;
    this.frames = [];
    this.dropped = 0;
  }
}
