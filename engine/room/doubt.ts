import type { Clock } from '../ports.js';
import type { RoomCore } from './core.js';
import { memberList } from './facts.js';
import type { RoomMessage } from './message.js';

/**
 * While the node cannot tell whether it is still the room's home, the room checks again every this many ms.
 */
export const UNSURE_MS = 50;

interface DoubtfulRoom {
  /** Whether the node is known to be the room's home now. */
  readonly isCurrent: boolean;
  readonly core: RoomCore;
  readonly parts: { readonly clock: Clock };
  readonly mailbox: { tellFirst(message: RoomMessage): void };
}

/**
 * The times in which a node cannot tell whether it is still a room's home. The room checks again until it is
 * known, and then sends its clients what was withheld from them meanwhile.
 */
export class Doubt {
  /** Clients have to be sent the list of members once the node is known to be the room's home again. */
  private owesList = false;
  private checksAgain = false;
  /** When commands that had waited could go on; monotonic, ms. */
  private sureSince = -Infinity;

  constructor(private readonly room: DoubtfulRoom) {}

  /** Joins and leaves were not published, because the node may not be the home. */
  withheld(): void {
    this.owesList = true;
    this.checkLater();
  }

  /** Has the room check again in a moment: tells it `ask_again`. */
  checkLater(): void {
    if (this.checksAgain) return;
    this.checksAgain = true;
    this.tellLater({ type: 'ask_again' });
  }

  /** Tells the room this once more, in a moment. */
  tellLater(message: RoomMessage): void {
    this.room.parts.clock.after(UNSURE_MS, () => this.room.mailbox.tellFirst(message));
  }

  /** `ask_again` has come. `waits`: whether a command waits. Answers whether the node is the room's home. */
  check(waits: boolean): boolean {
    const { core, isCurrent, parts } = this.room;
    this.checksAgain = false;
    if (!isCurrent) {
      if (waits || this.owesList) this.checkLater();
      return false;
    }
    if (this.owesList) core.apply(memberList(core.state, core.context()));
    this.owesList = false;
    if (waits) this.sureSince = parts.clock.elapsed();
    return true;
  }

  /** Whether some of the commands that waited may not have been dealt with yet. */
  get hasJustEnded(): boolean {
    return this.room.parts.clock.elapsed() < this.sureSince + UNSURE_MS;
  }
}
