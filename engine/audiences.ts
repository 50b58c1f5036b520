import { AudienceActor, type AudienceParts } from './audience.js';
import type { LoopTurns } from './loop-turns.js';
import type { RoomEvent } from './messages/events.js';
import type { Check, LocalMembers, RollCall } from './messages/words.js';
import { sayChecked, sayPresent } from './say-present.js';
import { Scheduler, type Parent } from './scheduler.js';
import { mayHaveFailed, type Entrant, type SeatAnswer } from './seat-keeper.js';
import { slotOf } from './slots.js';

export interface Audiences {
  /**
   * Opens (or finds) a room's audience and counts one more connection in it; resolves when its events arrive
   * here.
   */
  enter(roomId: string): Promise<void>;
  /** The same text as the room's audience holds, if it is open: so that those who keep it share it. */
  idOf(roomId: string): string;
  /** Asks for a seat, after `enter`. False when the audience is overloaded. */
  admit(roomId: string, entrant: Entrant): boolean;
  /** The counterpart of `enter`: gives the seat back. The audience ends with its last connection. */
  exit(roomId: string, connectionId: string): void;
  event(event: RoomEvent): void;
  /** A room's answer to its audience here. */
  answer(roomId: string, answer: SeatAnswer): void;
  rollCall(call: RollCall): void;
  /** This node's answer to a roll call; null if it cannot be given at once. */
  callHere(roomId: string, callId: string, headSeq: number): LocalMembers | null;
  /** A home asks which of these connections are still here. */
  check(check: Check): void;
  /** Events of all rooms may have been missed. `mayBeGone`: seats may be lost, too. */
  missed(mayBeGone: boolean): void;
  /** An event of this room was dropped on this node. */
  lost(roomId: string): void;
  /** Rooms whose home was this node have another home now, which has to be told of their members. */
  nodeGone(nodeId: string): void;
  /** Reads what a room's audience may have missed, and asserts its seats. `done`: whether that succeeded. */
  assert(roomId: string, done: (ok: boolean) => void): void;
  /** The home of a room, as far as its audience knows. */
  homeOf(roomId: string): string | null;
  readonly count: number;
  readonly waiting: number;
}

interface Entry {
  readonly actor: AudienceActor;
  readonly slot: number;
  /** Fulfilled when the room's events arrive on this node. */
  readonly subscribed: Promise<void>;
  connections: number;
}

const NOBODY: LocalMembers = { present: [], believed: [], members_version: 0 };

/** The supervisor of the audiences on this node. */
export function createAudiences(
  root: Parent,
  parts: AudienceParts & { readonly loop: LoopTurns },
): Audiences {
  const scheduler = new Scheduler(root, 'audiences', parts.loop);
  const audiences = new Map<string, Entry>();

  function open(roomId: string): Entry {
    const slot = slotOf(roomId);
    const actor = new AudienceActor(roomId, scheduler, parts, () => closeIfEmpty(roomId, entry));
    const entry: Entry = { actor, slot, subscribed: parts.broker.subscribe(slot), connections: 0 };
    audiences.set(roomId, entry);
    return entry;
  }

  function closeIfEmpty(roomId: string, entry: Entry): void {
    if (entry.connections > 0 || audiences.get(roomId) !== entry) return;
    audiences.delete(roomId);
    entry.actor.stop();
    parts.broker.unsubscribe(entry.slot);
  }

  return {
    enter(roomId) {
      const entry = audiences.get(roomId) ?? open(roomId);
      entry.connections++;
      return entry.subscribed;
    },
    idOf: (roomId) => audiences.get(roomId)?.actor.roomId ?? roomId,
    admit: (roomId, entrant) =>
      audiences.get(roomId)?.actor.mailbox.tell({ type: 'enter', entrant }) ?? false,
    exit(roomId, id) {
      const entry = audiences.get(roomId);
      if (!entry) return;
      entry.connections--;
      entry.actor.mailbox.tellFirst({ type: 'remove', id });
    },
    event(event) {
      const entry = audiences.get(event.room_id);
      if (!entry || entry.actor.mailbox.tell(event)) return;
      parts.meter.dropped('audience_mailbox_full');
      parts.assertLater(event.room_id);
    },
    answer: (roomId, answer) => audiences.get(roomId)?.actor.hearAnswer(answer),
    rollCall(call) {
      const entry = audiences.get(call.room_id);
      if (entry) entry.actor.hearRollCall(call);
      else sayPresent(parts, call, NOBODY);
    },
    callHere: (roomId, callId, headSeq) =>
      audiences.get(roomId)?.actor.callHere(callId, headSeq) ?? (audiences.has(roomId) ? null : NOBODY),
    check(check) {
      const entry = audiences.get(check.room_id);
      if (entry) entry.actor.mailbox.tell(check);
      else sayChecked(parts, check, () => false);
    },
    missed(mayBeGone) {
      for (const { actor } of audiences.values()) actor.mayHaveMissed(mayBeGone);
      for (const id of audiences.keys()) parts.assertAnew(id);
    },
    lost(roomId) {
      if (audiences.has(roomId)) parts.assertLater(roomId);
    },
    nodeGone(nodeId) {
      for (const [roomId, { actor }] of audiences) if (actor.home === nodeId) parts.assertLater(roomId);
    },
    assert(roomId, done) {
      const entry = audiences.get(roomId);
      if (entry) {
        entry.actor.mailbox.tellFirst({ type: 'sync', done });
        return;
      }
      // Nobody is here now, but the room may believe so: an empty list frees those seats.
      const { broker, nodeId: node_id } = parts;
      broker.request(
        { type: 'assert', room_id: roomId, node_id, present: [], first: true, last: true },
        (answer) => done(!mayHaveFailed(answer)),
      );
    },
    homeOf: (roomId) => audiences.get(roomId)?.actor.home ?? null,
    get count() {
      return audiences.size;
    },
    get waiting() {
      let sum = 0;
      for (const { actor } of audiences.values()) sum += actor.mailbox.depth;
      return sum;
    },
  };
}
