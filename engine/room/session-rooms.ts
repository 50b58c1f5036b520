import type { Session } from '../ports.js';

/**
 * A session that knows this many rooms forgets them all: some more roll calls are cheaper than the memory.
 */
const MOST = 100_000;

/** The rooms that went to sleep without members in a session that lasts. Waking one needs no roll call. */
export class SessionRooms {
  private readonly asleep = new WeakMap<Session, Set<string>>();
  private readonly over = new WeakSet<Session>();

  /** Whether this sleeping room is known to have no members. */
  knows(session: Session, roomId: string): boolean {
    return this.asleep.get(session)?.has(roomId) === true;
  }

  add(session: Session, roomId: string): void {
    let rooms = this.asleep.get(session);
    if (!rooms || rooms.size >= MOST) this.asleep.set(session, (rooms = new Set()));
    rooms.add(roomId);
  }

  end(session: Session): void {
    this.over.add(session);
    this.asleep.delete(session);
  }

  isOver(session: Session): boolean {
    return this.over.has(session);
  }
}
