import { errorText } from '../errors.js';
import type { Outcome, Staged, Stager } from '../journal.js';
import type { Answer } from '../messages/answers.js';
import type { DurableEvent, RoomEvent } from '../messages/events.js';
import type { Append, Delivery } from '../ports.js';
import type { RoomParts } from './parts.js';
import { isPrivate, NO_SEATS, recordOf, type Fact, type RoomState, type Seats } from './state.js';

interface Turn {
  append: DurableEvent[];
  events: RoomEvent[];
  answers: [Delivery, Answer][];
  /** The room's record has to be stored, even if there is no event. */
  record: boolean;
  /** Events with a smaller seq are to be forgotten; null: none. */
  purge: number | null;
}

/** The room, as its outbox tells it what became of its decisions. It deals with that in a turn of its own. */
export interface OutboxOwner {
  /** Nothing is staged any more. */
  drained(): void;
  /** A commit failed. Everything decided since was decided on top of it, and fails with it. */
  commitFailed(outcome: Outcome): void;
  /** Whether the node is known to be the room's home now. */
  readonly isCurrent: boolean;
  /** Because the node may not be the home, joins and leaves were not published. */
  withheld(): void;
}

/**
 * A room's decisions on their way out. They gather over a turn. Then they are staged in the journal if there
 * is anything to store, or if anything staged before is still there, so that they go out in the order in
 * which they were made.
 */
export class Outbox implements Stager {
  private turn = emptyTurn();
  private epoch = 0;
  /** For each entry in the journal, of all epochs, the seats as they are after it. */
  private staged: Seats[] = [];
  /** The seats as far as clients were told of them. */
  private announced = NO_SEATS;

  constructor(
    private readonly roomId: string,
    private readonly parts: RoomParts,
    private readonly owner: OutboxOwner,
  ) {}

  /** Nothing is staged and nothing waits to be. */
  get isEmpty(): boolean {
    return this.staged.length === 0 && this.turn.answers.length === 0;
  }

  /** Nothing is staged. */
  get isDrained(): boolean {
    return this.staged.length === 0;
  }

  /** Users with a seat, as far as clients were told. */
  get members(): string[] {
    return [...this.announced.keys()];
  }

  answer(delivery: Delivery, answer: Answer): void {
    this.turn.answers = withItem(this.turn.answers, [delivery, answer]);
  }

  /** Publishes an event that is stored already. */
  repeat(event: DurableEvent): void {
    this.turn.events = withItem<RoomEvent>(this.turn.events, event);
  }

  add(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.type === 'woken') this.turn.record = true;
      if (fact.type === 'history_purged') this.turn.purge = fact.before;
      if (isPrivate(fact)) continue;
      this.turn.events = withItem<RoomEvent>(this.turn.events, fact);
      if (!('seq' in fact)) continue;
      this.turn.append = withItem<DurableEvent>(this.turn.append, fact);
      this.parts.inFlight.set(fact.event_id, fact);
    }
  }

  /** Sends out what has gathered. `state`: after all of it. */
  flush(state: RoomState): void {
    const { append, record, purge, events, answers } = this.turn;
    const stores = append.length > 0 || record || purge !== null;
    if (!stores && this.isDrained) this.announced = state.seats;
    if (events.length === 0 && answers.length === 0 && !stores) return;
    this.turn = emptyTurn();
    if (!stores && this.isDrained) {
      if (events.length > 0 && !this.owner.isCurrent) this.owner.withheld();
      const published = events.length > 0 && this.owner.isCurrent ? this.publish(events) : undefined;
      for (const [delivery, answer] of answers) delivery.settle(answer, published);
      return;
    }
    const entry: Staged = {
      stager: this,
      epoch: this.epoch,
      append: stores ? toAppend(state, append, purge) : null,
      events,
      answers,
    };
    this.staged = withItem(this.staged, state.seats);
    if (this.parts.journal.stage(entry)) return;
    this.staged.pop();
    this.notInFlight(entry);
    this.epoch++;
    for (const [delivery] of answers) delivery.retry('the journal is full', true);
    this.owner.commitFailed('failed');
  }

  /** Decisions that are not stored yet are neither published nor answered any more. */
  abandon(): void {
    for (const event of this.turn.append) this.parts.inFlight.delete(event.event_id);
    this.turn = emptyTurn();
    this.epoch++;
  }

  /** Publishes events that need no commit. If that fails, it is counted and logged. */
  private publish(events: readonly RoomEvent[]): Promise<void> {
    return this.parts.broker.publish(events).catch((cause: unknown) => {
      this.parts.meter.dropped('event_not_published');
      this.parts.log.warn(
        { room_id: this.roomId, cause: errorText(cause) },
        'room: events could not be published',
      );
    });
  }

  outcome(entry: Staged, outcome: Outcome): void {
    const seats = this.staged.shift();
    if (this.staged.length === 0) this.staged = NONE;
    this.notInFlight(entry);
    if (outcome === 'committed' && seats) this.announced = seats;
    else if (entry.epoch === this.epoch) {
      this.epoch++;
      this.owner.commitFailed(outcome);
    }
    if (this.isDrained) this.owner.drained();
  }

  private notInFlight(entry: Staged): void {
    for (const event of entry.append?.events ?? []) this.parts.inFlight.delete(event.event_id);
  }

  stands(entry: Staged): boolean {
    return entry.epoch === this.epoch;
  }

  /**
   * Stored events are facts. The others depend on this node's list of members, which is not the room's if its
   * home is elsewhere.
   */
  publishable(entry: Staged): readonly RoomEvent[] {
    const durable = entry.append?.events ?? NONE;
    if (entry.events.length === durable.length || (this.stands(entry) && this.owner.isCurrent))
      return entry.events;
    if (this.stands(entry)) this.owner.withheld();
    return durable;
  }
}

function toAppend(state: RoomState, events: readonly DurableEvent[], purge: number | null): Append {
  const room = recordOf(state);
  return purge === null ? { room, events } : { room, events, purge_before: purge };
}

function emptyTurn(): Turn {
  return { append: NONE, events: NONE, answers: NONE, record: false, purge: null };
}

/** Nothing is ever put into it. */
const NONE: never[] = [];

/**
 * A list with one more item. A literal allocates one place, `push` onto an empty array seventeen, and most
 * turns hold one decision.
 */
function withItem<T>(list: T[], item: T): T[] {
  if (list.length === 0) return [item];
  list.push(item);
  return list;
}
