import type { AssertCommand, Presence } from '../messages/commands.js';
import type { LocalMembers, Present } from '../messages/words.js';
import type { Broker, Clock } from '../ports.js';
import { AssertedLists } from './asserted-lists.js';
import type { Context } from './decision.js';
import { evolve } from './evolve.js';
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

/** Who is connected to a room, as its nodes say: the roll call, their lists, and what becomes known of them as facts. */
export class Attendance {
  /** Null while no node's list is under way in several commands. */
  private lists: AssertedLists | null = null;
  private rollCall: RollCall | null = null;
  private here: readonly Presence[] = NOBODY;
  /** The room's last roll call. */
  callId: string;

  constructor(
    private readonly roomId: string,
    private readonly parts: AttendanceParts,
    /** Members before the room was rebuilt, until a roll call is over. */
    public remembered: readonly string[],
  ) {
    this.callId = parts.newId();
  }

  /** The room is rebuilt: these were its members. */
  reset(members: readonly string[]): void {
    this.remembered = members;
    this.lists = null;
    this.rollCall = null;
  }

  /** Calls the roll. */
  call(headSeq: number): void {
    const { parts, roomId } = this;
    this.callId = parts.newId();
    this.rollCall = new RollCall(this.callId, roomId, headSeq, parts, parts.clock.elapsed());
    this.here = this.rollCall.begin()?.present ?? NOBODY;
  }

  /** What is known when the roll has been called: the members before, and those of this node. */
  begin(state: RoomState, ctx: Context): Fact[] {
    const before = remember(this.remembered, state, ctx);
    const here = this.asserted(this.parts.nodeId, this.here, before.reduce(evolve, state), ctx);
    this.here = NOBODY;
    return [...before, ...here];
  }

  /** A node has answered. */
  nodeAnswered(word: Present, state: RoomState, ctx: Context): readonly Fact[] {
    const present = this.rollCall?.answer(word);
    return present ? this.asserted(word.node_id, present, state, ctx) : [];
  }

  /** Those that are sure of their seats have them. The others come when all nodes have answered, if there is room. */
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

  nodeGone(nodeId: string, state: RoomState, ctx: Context): readonly Fact[] {
    this.rollCall?.nodeGone(nodeId);
    if (state.seats.size === 0) return [];
    return [{ type: 'node_gone', node_id: nodeId, since: ctx.elapsed }];
  }

  /** Whether every node has answered, and `complete` has not been asked for yet. */
  get isComplete(): boolean {
    return this.rollCall !== null && this.rollCall.isOver;
  }

  /** Ends the roll call: whoever clients believe to be a member, and nobody has asserted, is in grace. */
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
    const members = [...this.remembered, ...(rollCall?.believed ?? [])];
    const stillMembers = members.filter((user) => !rollCall?.wasKicked(user));
    take(remember(stillMembers, after, ctx));
    this.rollCall = null;
    this.remembered = NOBODY;
    take(completeRoll(after, ctx));
    return facts;
  }

  /** A part of a node's list that came as a command. */
  gather(command: AssertCommand): AssertCommand | 'more follows' | 'broken' {
    this.lists ??= new AssertedLists();
    const gathered = this.lists.add(command);
    if (this.lists.isEmpty) this.lists = null;
    return gathered;
  }

  /** A connection has left: an answer that was given before is not to bring it back. */
  left(connectionId: string): void {
    this.rollCall?.connectionLeft(connectionId);
  }

  /** A user was kicked: an audience that has not heard of it believes in the user still. */
  kicked(user: string): void {
    this.rollCall?.kicked(user);
  }

  /** When nodes that have not answered are to be asked again; monotonic, ms. */
  get nextRepeat(): number {
    return this.rollCall?.nextRepeat ?? Infinity;
  }

  /** Asks them again, if it is time to. */
  repeat(): void {
    this.rollCall?.repeat(this.parts.clock.elapsed());
  }
}
