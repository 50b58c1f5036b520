import type { AssertCommand, JoinCommand, Presence } from '../messages/commands.js';
import type { Checked, LocalMembers, Present } from '../messages/words.js';
import type { Broker, Clock } from '../ports.js';
import { AssertedLists } from './asserted-lists.js';
import type { Context } from './decision.js';
import { evolve } from './evolve.js';
import { LateJoins } from './late-joins.js';
import type { NodeNews } from './message.js';
import { RollCall } from './roll-call.js';
import { assertPlaces, completeRoll, remember } from './seating.js';
import type { Fact, RoomState } from './state.js';

interface AttendanceParts {
  readonly nodeId: string;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly callHere: (roomId: string, callId: string, headSeq: number) => LocalMembers | null;
}

const NOBODY: readonly never[] = [];

/**
 * The connections to a room, as nodes tell of them: in answers to a roll call and in lists. Turns both into
 * facts.
 */
export class Attendance {
  /** Lists that came in part; null while there are none. */
  private lists: AssertedLists | null = null;
  private rollCall: RollCall | null = null;
  /** Null while there are none, which is nearly always. */
  private late: LateJoins | null = null;
  /** This node's own connections, from its answer to the roll call until `begin`. */
  private here: readonly Presence[] = NOBODY;
  /** The id of the room's last roll call. */
  callId: string;

  constructor(
    private readonly roomId: string,
    private readonly parts: AttendanceParts,
    /** The members before the room was rebuilt; empty once a roll call is over. */
    public remembered: readonly string[],
  ) {
    this.callId = parts.newId();
  }

  /** The room is rebuilt: these were its members. */
  reset(members: readonly string[]): void {
    this.remembered = members;
    this.lists = null;
    this.rollCall = null;
    this.late = null;
  }

  /** Calls the roll. */
  call(headSeq: number): void {
    const { parts, roomId } = this;
    this.callId = parts.newId();
    this.rollCall = new RollCall(this.callId, roomId, headSeq, parts, parts.clock.elapsed());
    this.here = this.rollCall.begin()?.present ?? NOBODY;
  }

  /** The facts known as soon as the roll is called: the members from before, and this node's connections. */
  begin(state: RoomState, ctx: Context): Fact[] {
    const before = remember(this.remembered, state, ctx);
    const here = this.asserted(this.parts.nodeId, this.here, before.reduce(evolve, state), ctx);
    this.here = NOBODY;
    return [...before, ...here];
  }

  /** The facts in a node's answer, or in the news that it is gone. */
  heard(news: NodeNews, state: RoomState, ctx: Context): readonly Fact[] {
    switch (news.type) {
      case 'present':
        return this.present(news.word, state, ctx);
      case 'checked':
        return this.checked(news.word, ctx);
      case 'node_gone':
        return this.nodeGone(news.nodeId, state, ctx);
    }
  }

  /** A node has answered the roll call. */
  private present(word: Present, state: RoomState, ctx: Context): readonly Fact[] {
    const present = this.rollCall?.answer(word);
    return present ? this.asserted(word.node_id, present, state, ctx) : [];
  }

  /**
   * Seats for the connections that a node has listed. Those that are unsure of their seats wait until all
   * nodes have answered, and get one if there is room.
   */
  private asserted(
    nodeId: string,
    present: readonly Presence[],
    state: RoomState,
    ctx: Context,
  ): readonly Fact[] {
    const unsure = present.filter((one) => one.unsure === true);
    if (unsure.length > 0) this.rollCall?.unsure.push({ nodeId, present: unsure });
    const sure = unsure.length > 0 ? present.filter((one) => one.unsure !== true) : present;
    return assertPlaces(state, nodeId, sure, ctx).facts;
  }

  private nodeGone(nodeId: string, state: RoomState, ctx: Context): readonly Fact[] {
    this.rollCall?.nodeGone(nodeId);
    this.late?.nodeGone(nodeId);
    if (this.late?.isEmpty) this.late = null;
    if (state.seats.size === 0) return [];
    return [{ type: 'node_gone', node_id: nodeId, since: ctx.elapsed }];
  }

  /** A node has said which connections are gone. */
  private checked(word: Checked, ctx: Context): readonly Fact[] {
    const gone = this.late?.answered(word) ?? NOBODY;
    if (this.late?.isEmpty) this.late = null;
    const since = ctx.elapsed;
    return gone.map(({ user, connection_id }) => ({ type: 'connection_gone', user, connection_id, since }));
  }

  /** Whether every node has answered and `complete` has not been called yet. */
  get isComplete(): boolean {
    return this.rollCall !== null && this.rollCall.isOver;
  }

  /**
   * Ends the roll call. Users whom clients believe to be members, and whom no node has listed, are in grace.
   */
  complete(state: RoomState, ctx: Context): Fact[] {
    const { rollCall } = this;
    const facts: Fact[] = [];
    let after = state;
    const take = (more: readonly Fact[]): void => {
      facts.push(...more);
      after = more.reduce(evolve, after);
    };
    for (const { nodeId, present } of rollCall?.unsure ?? [])
      take(assertPlaces(after, nodeId, present, ctx).facts);
    take(remember([...this.remembered, ...(rollCall?.believed ?? [])], after, ctx));
    this.rollCall = null;
    this.remembered = NOBODY;
    take(completeRoll(after, rollCall?.newestList ?? 0, ctx));
    return facts;
  }

  /** Takes an `assert` command: the whole list, once its last part is here. */
  gather(command: AssertCommand): AssertCommand | 'more follows' | 'broken' {
    this.lists ??= new AssertedLists();
    const gathered = this.lists.add(command);
    if (this.lists.isEmpty) this.lists = null;
    return gathered;
  }

  /** A connection has left: a node's answer from before that must not bring it back. */
  left(connectionId: string): void {
    this.rollCall?.connectionLeft(connectionId);
  }

  /**
   * A join was delivered again and carried out, so its connection may have ended before. Its node is asked whether it is
   * still there.
   */
  joinedLate(command: JoinCommand): void {
    this.late ??= new LateJoins(this.roomId, this.parts);
    this.late.add(command);
  }

  /** Sends the questions that have gathered in this turn. */
  endTurn(): void {
    this.late?.ask();
  }

  /** Whether a node was asked about connections and has not answered. */
  get waitsForNode(): boolean {
    return this.late !== null;
  }

  /** When the nodes that have not answered are asked again; monotonic, ms. */
  get nextRepeat(): number {
    return Math.min(this.rollCall?.nextRepeat ?? Infinity, this.late?.nextRepeat ?? Infinity);
  }

  /** Asks the nodes that have not answered again, if it is time to. */
  repeat(): void {
    const now = this.parts.clock.elapsed();
    this.rollCall?.repeat(now);
    this.late?.repeat(now);
  }
}
