import type { Answer } from '../messages/answers.js';
import type { Command } from '../messages/commands.js';
import type { DurableEvent } from '../messages/events.js';
import type { Delivery, RoomRecord } from '../ports.js';
import { decide } from './decide.js';
import type { Context } from './decision.js';
import { evolve } from './evolve.js';
import { Outbox, type OutboxOwner } from './outbox.js';
import type { RoomParts } from './parts.js';
import { wake, type Fact, type RoomState } from './state.js';

/** What a room knows, and what it has decided on it: the pure functions, between a mailbox and an outbox. */
export class RoomCore {
  state: RoomState;
  private readonly outbox: Outbox;
  /** What the decisions of a turn depend on; made once a turn. */
  private ctx: Context | null = null;
  /** The command that is being decided: a throw meanwhile leaves the state whole. */
  private deciding: Command | null = null;
  /** The command that was decided last in this turn: a throw after that must not answer it a second time. */
  private decided: Delivery | null = null;

  constructor(
    private readonly roomId: string,
    private readonly parts: RoomParts,
    owner: OutboxOwner,
    calling: boolean,
    private readonly attendance: { readonly callId: string },
  ) {
    this.state = wake(roomId, parts.presetOf(roomId), null, calling);
    this.outbox = new Outbox(roomId, parts, owner);
  }

  /** Begins with what the store has. */
  wake(record: RoomRecord | null, calling: boolean): void {
    this.state = wake(this.roomId, this.parts.presetOf(this.roomId), record, calling);
  }

  /** Users with a seat, as far as anybody was told. */
  get members(): readonly string[] {
    return this.outbox.members;
  }

  /** Nothing is staged. */
  get isDrained(): boolean {
    return this.outbox.isDrained;
  }

  /** Nothing is staged, and nothing was decided in this turn. */
  get isQuiet(): boolean {
    return this.outbox.isEmpty;
  }

  /** Decides a command. False: it has to wait for the roll call. `trusted`: what it says of its node still holds. */
  decide(delivery: Delivery, command: Command, trusted = true): boolean {
    const ctx = trusted ? this.context() : { ...this.context(), lives: () => false };
    this.deciding = command;
    this.parts.fault?.(command);
    const decision = decide(this.state, command, ctx);
    this.deciding = null;
    if (decision.type === 'wait') return false;
    this.outbox.add(decision.facts);
    this.state = decision.state;
    this.answer(delivery, decision.answer);
    this.parts.faultAfter?.(command);
    return true;
  }

  /** Answers in its turn, behind what was decided before. */
  answer(delivery: Delivery, answer: Answer): void {
    this.outbox.answer(delivery, answer);
    this.decided = delivery;
  }

  /** Publishes an event that is stored already. */
  repeat(event: DurableEvent): void {
    this.outbox.repeat(event);
  }

  apply(facts: readonly Fact[]): void {
    this.outbox.add(facts);
    this.state = facts.reduce(evolve, this.state);
  }

  context(): Context {
    const { clock, timestamp, newId, presenceLimit, broker, nodeId } = this.parts;
    this.ctx ??= {
      at: timestamp(clock.now()),
      elapsed: clock.elapsed(),
      newId,
      presenceLimit,
      lives: (node) => node === nodeId || broker.nodes().has(node),
      home: nodeId,
      callId: this.attendance.callId,
    };
    return this.ctx;
  }

  /** The next decisions depend on something else: the time, or a new roll call. */
  forgetContext(): void {
    this.ctx = null;
  }

  /** Sends out what was decided. */
  flush(): void {
    this.outbox.flush(this.state);
  }

  /** Ends a turn: sends out what was decided in it. */
  endTurn(): void {
    this.flush();
    this.forgetTurn();
  }

  /** Ends a turn in which nothing was decided. */
  forgetTurn(): void {
    this.ctx = null;
    this.decided = null;
  }

  /** What was decided is neither published nor answered, unless it is stored already. */
  abandon(): void {
    this.outbox.abandon();
  }

  /**
   * A turn threw. What was decided before stands, and is sent out. `whole`: it threw in a decision, so that the state is
   * as it was; `answered`: whether this command was decided all the same.
   */
  crashed(delivery: Delivery | null): { readonly whole: boolean; readonly answered: boolean } {
    const told = { whole: this.deciding !== null, answered: this.decided === delivery };
    this.deciding = null;
    this.endTurn();
    return told;
  }
}
