import type { ChangeCommand, PostCommand } from '../messages/commands.js';
import type { DurableEvent } from '../messages/events.js';
import type { Store } from '../ports.js';

/**
 * `unknown`: the store has to be asked. `new`: this id was never used, or there is none. `elsewhere`: an event with this
 * id is being stored in another room, and may fail. An event: the one that has the id.
 */
export type Repeat = 'unknown' | 'new' | 'elsewhere' | DurableEvent;

/** Nothing is ever put into it. */
const NOTHING = new Map<string, DurableEvent | null>();

/** Knows whether a command is a repeat, from the store and from the events on their way to it. */
export class Repeats {
  /** The store's answers about ids: the event that has the id, or null. */
  private looked: Map<string, DurableEvent | null> = NOTHING;
  private clears = 0;

  constructor(
    private readonly roomId: string,
    private readonly inFlight: ReadonlyMap<string, DurableEvent>,
  ) {}

  /** What is known of a command. Each answer of the store is used once. */
  of({ id, fresh }: PostCommand | ChangeCommand): Repeat {
    if (fresh || id === undefined) return 'new';
    const staged = this.inFlight.get(id);
    if (staged !== undefined && staged.room_id !== this.roomId) {
      this.looked.delete(id);
      return 'elsewhere';
    }
    const first = staged ?? this.looked.get(id);
    if (first === undefined) return 'unknown';
    this.looked.delete(id);
    return first ?? 'new';
  }

  /** Asks the store about these commands. */
  async lookUp(commands: readonly (PostCommand | ChangeCommand)[], store: Store): Promise<void> {
    // An event in flight may be stored in a moment, so the store's “no” would be out of date.
    const ids = commands.flatMap(({ id, fresh }) =>
      fresh || id === undefined || this.inFlight.has(id) ? [] : [id],
    );
    const asked = this.clears;
    const found = await store.findEvents(ids);
    if (this.clears !== asked) return;
    // Unused answers of an earlier look-up are out of date.
    this.looked = new Map<string, DurableEvent | null>(ids.map((id) => [id, null]));
    for (const event of found) this.looked.set(event.event_id, event);
  }

  /** Forgets the store's answers, also the one that is still to come. */
  clear(): void {
    this.clears++;
    this.looked = NOTHING;
  }
}
