import { ERRORS, type Refusal } from './errors.js';
import type { Listener } from './listener.js';
import type { Answer, Joined } from './messages/answers.js';
import type { JoinCommand, Presence } from './messages/commands.js';
import { NAMES_PER_WORD } from './messages/words.js';
import type { Broker } from './ports.js';

/** Who wants to be let in, and with what. */
export interface Entrant {
  readonly listener: Listener;
  /** The last seq that the client has, or null. */
  readonly since: number | null;
  readonly requestId: string;
  /** With which a guest gets its name and seat back; null: it has a name of its own. */
  readonly resume: string | null;
  /** The version of the audience's list of members when the seat was asked for. */
  readonly rosterVersion: number;
}

/** As a connection comes to its audience. */
export type NewEntrant = Omit<Entrant, 'rosterVersion'>;

interface Asking {
  readonly entrant: Entrant;
  /** The last roll call since the seat was asked for. */
  calledSince: string | null;
}

/** What the room says to a join, or to an assertion. */
export type SeatAnswer =
  | { readonly type: 'join_answered'; readonly id: string; readonly answer: Answer }
  | { readonly type: 'asserted'; readonly lost: readonly string[]; readonly because: Refusal | null };

interface KeeperParts {
  readonly nodeId: string;
  readonly broker: Broker;
  /** The seats of this room have to be asserted later: what was said of them did not get through. */
  readonly assertLater: (roomId: string) => void;
  /** What the room has answered comes back to the audience as a message. */
  readonly onSeatAnswer: (roomId: string, answer: SeatAnswer) => void;
}

/**
 * The one owner of the seats of an audience's connections: it alone asks for them, asserts them and gives them back. So
 * all that is said about one seat is said in the order in which it happened.
 */
export class SeatKeeper {
  /** Connections that wait for the answer to their join; null while there is none, as nearly always. */
  private asking: Map<string, Asking> | null = null;
  /** The node that is the room's home, as far as is known. */
  home: string | null = null;
  /** Whether seats may be lost: this node may have been taken for gone, and has not asserted them since. */
  private unsure = false;

  constructor(
    private readonly roomId: string,
    private readonly parts: KeeperParts,
    /** Connections with a seat. */
    private readonly seated: ReadonlyMap<string, Listener>,
  ) {}

  /** Nobody has a seat or has asked for one. */
  get isEmpty(): boolean {
    return this.asking === null && this.seated.size === 0;
  }

  /** Asks for a seat. */
  ask(entrant: Entrant): void {
    this.asking ??= new Map();
    this.asking.set(entrant.listener.id, { entrant, calledSince: null });
    this.join(entrant);
  }

  /** Who asked under this id; undefined: it has gone meanwhile, and its seat was given back. */
  asker(id: string): Entrant | undefined {
    return this.asking?.get(id)?.entrant;
  }

  /**
   * Whether a seat holds that was given under this roll call. If the roll was called again since it was asked for, the
   * room's home may know nothing of it: then it is asked for again.
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

  /** The answer to a join is dealt with. `mayHold`: it may be carried out all the same. */
  dealtWith(id: string, mayHold = false): void {
    const asked = this.asking?.get(id);
    this.noLongerAsks(id);
    if (asked && mayHold) this.leave(asked.entrant.listener);
  }

  /** A connection is gone. Its leave stands behind its join, whether or not that is answered. */
  release(id: string): void {
    const listener = this.asking?.get(id)?.entrant.listener ?? this.seated.get(id);
    this.noLongerAsks(id);
    if (listener) this.leave(listener);
  }

  /** This node may have been taken for gone: until its seats are asserted it cannot be sure of them. */
  doubt(): void {
    this.unsure = true;
  }

  /** The home of the room asks who is here. */
  rollCalled(callId: string, home: string): readonly Presence[] {
    for (const asked of this.asking?.values() ?? []) asked.calledSince = callId;
    this.home = home;
    const list = this.list();
    return this.unsure ? list.map((one) => (one.asked ? one : { ...one, unsure: true })) : list;
  }

  /** Asserts all seats. `done`: whether the room knows of them now, or will. */
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
          if (last) done(answer.type !== 'refused' || !ERRORS[answer.code].retry);
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
    const { broker, nodeId: node_id, onSeatAnswer } = this.parts;
    const { id, user } = listener;
    const command: JoinCommand = {
      type: 'join',
      room_id: this.roomId,
      user,
      connection_id: id,
      node_id,
      request_id,
    };
    broker.request(command, (answer) => onSeatAnswer(this.roomId, { type: 'join_answered', id, answer }));
  }

  private leave({ id, user }: Listener): void {
    const { broker, assertLater } = this.parts;
    broker.request({ type: 'leave', room_id: this.roomId, user, connection_id: id }, (answer) => {
      if (answer.type === 'refused' && ERRORS[answer.code].retry) assertLater(this.roomId);
    });
  }
}
