import type { PresenceEvent } from './roster.js';

/** Events kept for connections that are being let in. */
const KEPT = 4_096;

interface Line {
  readonly event: PresenceEvent;
  /** How clients are told, or null where they are told otherwise. */
  readonly frame: string | null;
}

/**
 * Who came and went while somebody is being let in. A welcome says who was there when the room gave the seat; what
 * happened between that and the moment the connection hears the room live is kept here.
 */
export class PresenceLog {
  /** Connections that have asked for a seat, and how many lines there had been by then. */
  private readonly expected = new Map<string, number>();
  private lines: Line[] = [];
  /** How many were dropped before the first that is kept. */
  private dropped = 0;

  /** This connection is about to ask for a seat. */
  expect(id: string): void {
    this.expected.set(id, this.dropped + this.lines.length);
  }

  /** Kept only while somebody is expected. */
  add(event: PresenceEvent, frame: string | null): void {
    if (this.expected.size === 0) return;
    this.lines.push({ event, frame });
    if (this.lines.length <= KEPT * 2) return;
    this.dropped += this.lines.length - KEPT;
    this.lines = this.lines.slice(-KEPT);
  }

  /** The frames since this connection asked for its seat; about its own user only those that correct a whole list. */
  framesSince(id: string, user: string): string[] {
    const lines = this.since(id);
    const list = lines.findIndex(({ event }) => event.type === 'members');
    return lines.flatMap(({ event, frame }, i) => {
      const isOwn = 'user' in event && event.user === user;
      return frame === null || (isOwn && (list < 0 || i < list)) ? [] : [frame];
    });
  }

  /** The events since this connection asked for its seat. */
  eventsSince(id: string): PresenceEvent[] {
    return this.since(id).map(({ event }) => event);
  }

  /**
   * A kick, or a room that closes, is an event with a seq and told as such. It must not be followed by how its users had
   * come before.
   */
  addEnd(event: Extract<PresenceEvent, { type: 'member_kicked' | 'room_closed' }>): void {
    const ends = (line: Line): boolean =>
      event.type === 'room_closed' || ('user' in line.event && line.event.user === event.user);
    this.lines = this.lines.map((line) => (ends(line) ? { ...line, frame: null } : line));
    this.add(event, null);
  }

  /** This connection hears the room live, or has gone. */
  arrived(id: string): void {
    this.expected.delete(id);
    if (this.expected.size > 0) return;
    this.lines = [];
    this.dropped = 0;
  }

  private since(id: string): Line[] {
    return this.lines.slice(Math.max(0, (this.expected.get(id) ?? Infinity) - this.dropped));
  }
}
