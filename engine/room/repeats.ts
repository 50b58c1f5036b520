import { refused, type Answer } from '../messages/answers.js';
import type { PostCommand } from '../messages/commands.js';
import type { DurableEvent, MessagePosted } from '../messages/events.js';
import type { Store } from '../ports.js';

/**
 * `unknown`: the store has to be asked. `new`: this id was never used. `elsewhere`: a post with this id is
 * being stored in another room, and may fail.
 */
export type Repeat =
  'unknown' | 'new' | 'elsewhere' | { readonly first: DurableEvent; readonly answer: Answer };

/** Nothing is ever put into it. */
const NOTHING = new Map<string, DurableEvent | null>();

/** Knows whether a post is a repeat, from the store and from the messages on their way to it. */
export class Repeats {
  /** The store's answers about ids: the event that has the id, or null. */
  private looked: Map<string, DurableEvent | null> = NOTHING;
  private clears = 0;

  constructor(
    private readonly roomId: string,
    private readonly inFlight: ReadonlyMap<string, MessagePosted>,
  ) {}

  /** What is known of a post. Each answer of the store is used once. */
  of(command: PostCommand): Repeat {
    if (command.fresh) return 'new';
    const staged = this.inFlight.get(command.id);
    if (staged !== undefined && staged.room_id !== this.roomId) {
      this.looked.delete(command.id);
      return 'elsewhere';
    }
    const first = staged ?? this.looked.get(command.id);
    if (first === undefined) return 'unknown';
    this.looked.delete(command.id);
    if (first === null) return 'new';
    const message = sameMessage(first, command);
    if (message) return { first, answer: { type: 'posted', message } };
    const other = first.type === 'message_posted' ? 'another message' : 'an event that is no message';
    const text = `message id ${command.id} was used before for ${other}`;
    return { first, answer: refused({ code: 'id_conflict', message: text }) };
  }

  /** Asks the store about these posts. */
  async lookUp(posts: readonly PostCommand[], store: Store): Promise<void> {
    // A message in flight may be stored in a moment, so the store's “no” would be out of date.
    const ids = posts.flatMap(({ id, fresh }) => (fresh || this.inFlight.has(id) ? [] : [id]));
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

/** The first event, if it is the message that the command posts. */
function sameMessage(first: DurableEvent, { room_id, user, text }: PostCommand): MessagePosted | null {
  if (first.type !== 'message_posted' || first.room_id !== room_id) return null;
  return first.user === user && first.text === text.trim() ? first : null;
}
