import { refused, type Answer } from '../messages/answers.js';
import type { PostCommand } from '../messages/commands.js';
import type { DurableEvent, MessagePosted } from '../messages/events.js';
import type { Delivery, Store } from '../ports.js';

/** `unknown`: the store has to be asked. `new`: nobody has used this id. */
export type Repeat = 'unknown' | 'new' | { readonly first: DurableEvent; readonly answer: Answer };

/** Knows of posts whether they are a repeat, as the store and what is in flight to it say. */
export class Repeats {
  /** What the store said of ids: the event that has it, or null. */
  private looked = new Map<string, DurableEvent | null>();

  constructor(private readonly inFlight: ReadonlyMap<string, MessagePosted>) {}

  /** What is known of a post. An answer of the store is used once. */
  of(command: PostCommand): Repeat {
    if (command.fresh) return 'new';
    const first = this.inFlight.get(command.id) ?? this.looked.get(command.id);
    if (first === undefined) return 'unknown';
    this.looked.delete(command.id);
    if (first === null) return 'new';
    const message = sameMessage(first, command);
    if (message) return { first, answer: { type: 'posted', message } };
    const other = first.type === 'message_posted' ? 'another message' : 'an event that is no message';
    const text = `message id ${command.id} was used before for ${other}`;
    return { first, answer: refused({ code: 'id_conflict', message: text }) };
  }

  /** Asks the store about all posts among these commands. */
  async lookUp(deliveries: readonly Delivery[], store: Store): Promise<void> {
    const { looked } = this;
    // What is in flight now may be in the store in a moment: the store's no would be out of date.
    const ids = deliveries.flatMap(({ command }) =>
      command.type === 'post' && !command.fresh && !this.inFlight.has(command.id) ? [command.id] : [],
    );
    const found = await store.findEvents(ids);
    for (const id of ids) looked.set(id, null);
    for (const event of found) looked.set(event.event_id, event);
  }

  /** Forgets what the store has said, also what it is still about to say. */
  clear(): void {
    this.looked = new Map();
  }
}

/** The first event, if it is the message that the command posts. */
function sameMessage(first: DurableEvent, { room_id, user, text }: PostCommand): MessagePosted | null {
  if (first.type !== 'message_posted' || first.room_id !== room_id) return null;
  return first.user === user && first.text === text.trim() ? first : null;
}
