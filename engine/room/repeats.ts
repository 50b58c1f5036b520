import { isChange, type ChangeCommand, type Command, type PostCommand } from '../messages/commands.js';
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
  /** seq of the last event of an `open` or `close` that may have been decided before, without an event. */
  redone = 0;

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

  /**
   * Whether a command that is delivered again has to be decided again, although `first` has its id. An `open`
   * or `close` that changed nothing the first time is not known by an event, and may change something now.
   * Then what came behind it is done again as well, so that the last one of them holds.
   */
  isUndone(command: PostCommand | ChangeCommand, first: DurableEvent): command is ChangeCommand {
    const isSetting = command.type === 'open' || command.type === 'close';
    return isSetting && first.room_id === this.roomId && first.seq < this.redone;
  }

  /** Asks the store about those of these commands that may be repeats. */
  async lookUp(commands: readonly Command[], store: Store): Promise<void> {
    const ids = commands.flatMap((command) => {
      if (command.type !== 'post' && !isChange(command)) return [];
      const { id, fresh } = command;
      // An event in flight may be stored in a moment, so the store's “no” would be out of date.
      return fresh || id === undefined || this.inFlight.has(id) ? [] : [id];
    });
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
