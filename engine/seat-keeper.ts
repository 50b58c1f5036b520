import { ERRORS, type Refusal } from './errors.js';
import type { JoinQueue } from './join-queue.js';
import type { Listener } from './listener.js';
import type { Answer, Joined } from './messages/answers.js';
import type { JoinCommand, Presence } from './messages/commands.js';
import { NAMES_PER_WORD } from './messages/words.js';
import type { Broker } from './ports.js';

/** A connection that wants to be let in. */
export interface Entrant {
  readonly listener: Listener;
  /** The last seq that the client has, or null. */
  readonly since: number | null;
  readonly requestId: string;
  /** A guest's token, with which it gets its name and seat back; null: the user is no guest. */
  readonly resume: string | null;
}

interface Asking {
  readonly entrant: Entrant;
  /** How often a seat was asked for. */
  joins: number;
  /** The last roll call since the seat was asked for; null: none. */
  calledSince: string | null;
  /** The room was told that the connection is still there, because its join had arrived a second time. */
  arrivedTwice: boolean;
}

/** The room's answer to a join, or to an assertion: which connections have lost their seats, and why. */
export type SeatAnswer =
  | { readonly type: 'join_answered'; readonly id: string; readonly answer: Answer }
  | { readonly type: 'asserted'; readonly lost: readonly string[]; readonly because: Refusal | null };

/**
 * Whether a command about seats may have come to nothing. What is `queued` may still be given up by the broker, if the room
 * fails on it again and again.
 */
export function mayHaveFailed(answer: Answer): boolean {
  return answer.type === 'queued' || (answer.type === 'refused' && ERRORS[answer.code].retry);
}

/** No roll call has this id, so a seat that was asked for before is asked for again. */
const NO_CALL = '';

interface KeeperParts {
  readonly nodeId: string;
  readonly broker: Broker;
  readonly joins: JoinQueue;
  /** The seats of this room have to be asserted later, because a command about them did not get through. */
  readonly assertLater: (roomId: string) => void;
  /** The room's answers come back to the audience as messages. */
  readonly onSeatAnswer: (roomId: string, answer: SeatAnswer) => void;
}

/**
 * The one owner of the seats of an audience's connections: it alone asks for them, asserts them and gives
 * them back. So the commands about one seat are sent in the order in which things happened.
 */
export class SeatKeeper {
  /** Connections that wait for the answer to their join. Null while there is none, which is nearly always. */
  private asking: Map<string, Asking> | null = null;
  /** The node that is the room's home, as far as this node knows. */
  home: string | null = null;
  /** Whether seats may be lost: this node may have been taken for gone, and has not asserted them since. */
  private unsure = false;

  constructor(
    private readonly roomId: string,
    private readonly parts: KeeperParts,
    /** Connections with a seat. */
    private readonly seated: ReadonlyMap<string, Listener>,
  ) {}

  /** No connection has a seat or asks for one. */
  get isEmpty(): boolean {
    return this.asking === null && this.seated.size === 0;
  }

  /** Asks for a seat. */
  ask(entrant: Entrant): void {
    this.asking ??= new Map();
    this.asking.set(entrant.listener.id, { entrant, joins: 0, calledSince: null, arrivedTwice: false });
    this.join(entrant);
  }

  /**
   * Answers a room whether the connection has a seat or asks for one. The room asks because the join has arrived twice, and
   * that is remembered for the time when it is answered.
   */
  answerCheck(id: string): boolean {
    const asked = this.asking?.get(id);
    if (asked) asked.arrivedTwice = true;
    return asked !== undefined || this.seated.get(id)?.isEnded === false;
  }

  /** The entrant with this connection id; undefined: it has gone meanwhile, and its seat was given back. */
  asker(id: string): Entrant | undefined {
    return this.asking?.get(id)?.entrant;
  }

  /**
   * Whether the seat that this answer gives is valid. It was given under the roll call `call_id`. If the roll
   * was called again since the connection asked, the room's home may not know of the seat, so it is asked for
   * again.
   */
  holds(id: string, { call_id, home, unsure }: Joined): boolean {
    const asked = this.asking?.get(id);
    if (!asked) return false;
    if (asked.calledSince !== null && asked.calledSince !== call_id) {
      asked.calledSince = null;
      this.join(asked.entrant);
      return false;
    }
    this.home = home;
    if (unsure) this.parts.assertLater(this.roomId);
    return true;
  }

  /** A join was answered, and the connection has its seat. */
  admitted(id: string): void {
    this.noLongerAsks(id);
  }

  /**
   * A join was refused. `mayHold`: the room may have given a seat, or give it later, so it is given back. So it is if the
   * join had arrived twice: the refusal is the answer to one of them.
   */
  refused(id: string, mayHold: boolean): void {
    const asked = this.asking?.get(id);
    this.noLongerAsks(id);
    if (asked && (mayHold || asked.arrivedTwice)) this.leave(asked.entrant.listener);
  }

  /**
   * A connection has gone: gives its seat back. The leave stands behind the join, so it works before the
   * answer, too. A join that was never sent needs none.
   */
  release(id: string): void {
    const asked = this.asking?.get(id);
    const listener = asked?.entrant.listener ?? this.seated.get(id);
    this.noLongerAsks(id);
    const wasSent = asked === undefined || !this.parts.joins.cancel(this.roomId, id) || asked.joins > 1;
    if (listener && wasSent) this.leave(listener);
  }

  /** This node may have been taken for gone. Until its seats are asserted, they may be lost. */
  doubt(): void {
    this.unsure = true;
    for (const asked of this.asking?.values() ?? []) asked.calledSince = NO_CALL;
  }

  /** The room's home calls the roll. Returns this node's connections. */
  rollCalled(callId: string, home: string): readonly Presence[] {
    for (const asked of this.asking?.values() ?? []) asked.calledSince = callId;
    this.home = home;
    const list = this.list();
    return this.unsure ? list.map((one) => (one.asked ? one : { ...one, unsure: true })) : list;
  }

  /** Asserts all seats. `done`: true if the room knows of them now, false if this has to be tried again. */
  assert(done: (ok: boolean) => void): void {
    const list = this.list();
    const { broker, nodeId: node_id } = this.parts;
    for (let i = 0; i === 0 || i < list.length; i += NAMES_PER_WORD) {
      const present = list.slice(i, i + NAMES_PER_WORD);
      const [first, last] = [i === 0, i + NAMES_PER_WORD >= list.length];
      broker.request(
        { type: 'assert', room_id: this.roomId, node_id, present, first, last },
        (answer: Answer) => {
          if (answer.type === 'asserted' && last) this.unsure = false;
          if (answer.type === 'asserted' && answer.lost.length > 0)
            this.parts.onSeatAnswer(this.roomId, {
              type: 'asserted',
              lost: answer.lost,
              because: answer.because ?? null,
            });
          if (last) done(!mayHaveFailed(answer));
        },
      );
    }
  }

  private noLongerAsks(id: string): void {
    this.asking?.delete(id);
    if (this.asking?.size === 0) this.asking = null;
  }

  private list(): Presence[] {
    const list: Presence[] = [];
    for (const [connection_id, { user, isEnded }] of this.seated)
      if (!isEnded) list.push({ user, connection_id });
    for (const [connection_id, { entrant }] of this.asking ?? [])
      list.push({ user: entrant.listener.user, connection_id, asked: true });
    return list;
  }

  private join({ listener, requestId: request_id }: Entrant): void {
    const { joins, nodeId: node_id, onSeatAnswer } = this.parts;
    const { id, user, isTrusted } = listener;
    const asked = this.asking?.get(id);
    if (asked) asked.joins++;
    const command: JoinCommand = {
      type: 'join',
      room_id: this.roomId,
      user,
      connection_id: id,
      node_id,
      request_id,
    };
    if (isTrusted) command.unlimited = true;
    joins.ask(command, (answer) => onSeatAnswer(this.roomId, { type: 'join_answered', id, answer }));
  }

  private leave({ id, user }: Listener): void {
    const { broker, assertLater } = this.parts;
    broker.request({ type: 'leave', room_id: this.roomId, user, connection_id: id }, (answer) => {
      if (mayHaveFailed(answer)) assertLater(this.roomId);
    });
  }
}
