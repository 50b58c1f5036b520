import type { Presence } from '../messages/commands.js';
import type { LocalMembers, Present } from '../messages/words.js';
import type { Broker } from '../ports.js';

/**
 * A node that has not answered is asked again after this many ms, because the question or answer may be lost.
 */
export const REPEAT_MS = 1_000;

interface RollParts {
  readonly nodeId: string;
  readonly broker: Broker;
  readonly callHere: (roomId: string, callId: string, headSeq: number) => LocalMembers | null;
}

/**
 * Asks every node that lives for its connections to a room. Over when each node has answered or is gone; a
 * node without a connection answers, too.
 */
export class RollCall {
  /** Users whom the clients of some node believe to be members. */
  readonly believed = new Set<string>();
  /** Connections whose nodes may have been taken for gone, so that their seats may have gone to others. */
  readonly unsure: { readonly nodeId: string; readonly present: readonly Presence[] }[] = [];
  /** The version of the newest list of members that any audience has. */
  newestList = 0;
  private awaited: Set<string>;
  private readonly lists = new Map<string, Presence[]>();
  /** Connections that left while their node's answer was on its way. */
  private readonly leftConnections = new Set<string>();
  private repeatAt: number;

  constructor(
    readonly id: string,
    private readonly roomId: string,
    private readonly headSeq: number,
    private readonly parts: RollParts,
    now: number,
  ) {
    this.awaited = new Set(parts.broker.nodes());
    this.repeatAt = now + REPEAT_MS;
  }

  /** Asks all nodes. Returns this node's own answer; null if it will come as a word like the others'. */
  begin(): LocalMembers | null {
    const { broker, nodeId, callHere } = this.parts;
    const here = callHere(this.roomId, this.id, this.headSeq);
    if (here === null) this.awaited.add(nodeId);
    else this.learn(here.believed, here.members_version);
    if (this.awaited.size > 0) broker.say(this.word(), null);
    return here;
  }

  get isOver(): boolean {
    return this.awaited.size === 0;
  }

  /** When the nodes that have not answered are asked again; monotonic, ms. */
  get nextRepeat(): number {
    return this.isOver ? Infinity : this.repeatAt;
  }

  /** Asks the nodes that have not answered again, if it is time to. */
  repeat(now: number): void {
    if (now < this.nextRepeat) return;
    this.repeatAt = now + REPEAT_MS;
    for (const node of this.awaited) this.parts.broker.say(this.word(), node);
  }

  /** Takes a part of a node's answer. Returns the node's whole list with the last part, null before. */
  answer({ node_id, call_id, present, believed, members_version, last }: Present): Presence[] | null {
    if (call_id !== this.id || !this.awaited.has(node_id)) return null;
    this.learn(believed, members_version);
    const list = [...(this.lists.get(node_id) ?? []), ...present];
    this.lists.set(node_id, list);
    if (!last) return null;
    this.lists.delete(node_id);
    this.awaited.delete(node_id);
    return list.filter((one) => !this.leftConnections.has(one.connection_id));
  }

  /** A node is gone: no answer of it is waited for. */
  nodeGone(nodeId: string): void {
    this.awaited.delete(nodeId);
    this.lists.delete(nodeId);
  }

  /** A connection left: the answer of its node may have been given before that. */
  connectionLeft(connectionId: string): void {
    this.leftConnections.add(connectionId);
  }

  private learn(believed: readonly string[], version: number): void {
    for (const user of believed) this.believed.add(user);
    this.newestList = Math.max(this.newestList, version);
  }

  private word() {
    const { nodeId: node_id } = this.parts;
    const { roomId: room_id, id: call_id, headSeq: head_seq } = this;
    return { type: 'roll_call' as const, room_id, node_id, call_id, head_seq };
  }
}
