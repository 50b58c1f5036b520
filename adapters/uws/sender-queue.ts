/** A socket with frames that wait to be sent. */
export interface Sender {
  /** Gives them to uWebSockets.js, in one write; harmless if there are none. */
  write(): void;
}

/** Senders that wait to write, first in, first out. */
export class SenderQueue {
  private senders: Sender[] = [];
  /** The turn in which each of them was added. */
  private addedIn: number[] = [];
  private first = 0;

  get isEmpty(): boolean {
    return this.first === this.senders.length;
  }

  add(sender: Sender, turn: number): void {
    this.senders.push(sender);
    this.addedIn.push(turn);
  }

  /** Lets those write that were added in this turn of the event loop or before. */
  writeUpTo(turn: number): void {
    const { senders, addedIn } = this;
    while (this.first < senders.length && (addedIn[this.first] ?? 0) <= turn) senders[this.first++]?.write();
    // Shortened now and then, not at each turn: what is left has to be copied.
    if (this.first === 0 || this.first < senders.length / 2) return;
    this.senders = senders.slice(this.first);
    this.addedIn = addedIn.slice(this.first);
    this.first = 0;
  }
}
