import type { Listener } from './listener.js';
import type { Outlet } from './ports.js';

/**
 * Up to so many listeners are sent each frame one by one, so that all that goes to one of them, acks too, shares a
 * write; with more of them the outlet's topic does it, without a loop in JavaScript (bench/NOTES.md).
 */
const FEW = 8;

/** Those who hear a room live, and the cheapest way to tell them all. */
export class Fanout {
  /** As long as they are few; null once they were many. There is no way back: it could change the order of frames. */
  private few: Listener[] | null = [];

  constructor(
    private readonly topic: string,
    private readonly outlet: Outlet,
  ) {}

  /** From now on `listener` gets what is sent. */
  add(listener: Listener): void {
    if (this.few !== null && this.few.length < FEW) {
      this.few.push(listener);
      return;
    }
    for (const one of this.few ?? []) one.subscribe(this.topic);
    this.few = null;
    listener.subscribe(this.topic);
  }

  /** It has gone, if it was here. */
  remove(listener: Listener): void {
    if (this.few !== null) this.few = this.few.filter((one) => one !== listener);
  }

  /** Sends a frame to all, in the order of the calls. */
  send(frame: string): void {
    if (this.few === null) this.outlet.publish(this.topic, frame);
    else for (const listener of this.few) listener.sendSoon(frame);
  }
}
