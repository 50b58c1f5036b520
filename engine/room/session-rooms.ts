import type { Session } from '../ports.js';

/** When a session knows more rooms than this, it forgets them all: a roll call more is cheaper than the memory. */
const MOST = 100_000;

/** The rooms that went to sleep without members in a session that lasts: to wake them takes no roll call. */
export class SessionRooms {
  private readonly asleep = new WeakMap<Session, Set<string>>();
  private readonly over = new WeakSet<Session>();

  /** Whether nobody can be a member of this sleeping room. */
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
