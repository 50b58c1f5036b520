import { spawn, type ActorSystemRef } from 'nact';
import { errorText } from './errors.js';
import type { LoopTurns } from './loop-turns.js';
import { refused } from './messages/answers.js';
import type { Command } from './messages/commands.js';
import type { RoomWord } from './messages/words.js';
import type { Delivery, Session } from './ports.js';
import type { RoomActor } from './room/actor.js';
import { Health, REST_MS } from './room/health.js';
import type { RoomParts } from './room/parts.js';
import { SpawnedRoom, type Supervision } from './spawned-room.js';
import { SessionRooms } from './room/session-rooms.js';
import { RoundClock } from './round-clock.js';
import { Scheduler, type Parent } from './scheduler.js';
import type { TypingLimit } from './typing-limit.js';

export interface RoomsOptions {
  /**
   * Rooms in memory at once. At the limit an idle one is put to sleep; if there is none, a command has to
   * wait.
   */
  readonly maxRooms: number;
  /** The session of a room that may have members has ended: its next home has to be told of them. */
  readonly membersUnknown: (roomId: string) => void;
  readonly typingLimit: TypingLimit;
  readonly loop: LoopTurns;
}

export interface Rooms {
  tell(delivery: Delivery): void;
  /** An answer to a roll call, or typing. Dropped if the room is not awake. */
  word(word: RoomWord): void;
  nodeGone(nodeId: string): void;
  sessionEnded(session: Session): void;
  readonly awake: number;
  readonly seats: number;
  readonly waiting: number;
  stop(): void;
}

const CRASHED = {
  resume: 'room: crashed in a decision, goes on',
  reset: 'room: crashed, rebuilt from the store',
  stop: `room: crashed too often, rests for ${REST_MS / 1000} s`,
} as const;
const NOBODY: readonly never[] = [];

/** At the limit, this many rooms are looked at and the longest idle of them is put to sleep, … */
const LOOKED_AT = 64;
/**
 * … and if none of them is idle, up to this many. Looking at all 200,000 for each command would take too
 * long.
 */
const LOOKED_AT_MOST = 4_096;

/**
 * The supervisor of all rooms: spawns an actor for a room when a command for it arrives, stops it when it is
 * idle, and decides what becomes of it when it crashes. nact spawns, supervises and stops each room; a room's
 * turns come from a scheduler that all rooms share (docs/architecture.md).
 */
export function createRooms(root: Parent, given: RoomParts, options: RoomsOptions): Rooms {
  const { clock, log, meter } = given;
  const roundClock = new RoundClock(clock);
  const parts: RoomParts = { ...given, clock: roundClock };
  const scheduler = new Scheduler(root, 'room-turns', options.loop, roundClock);
  // Never told anything: nact copies the children of an actor at each message it handles.
  const supervisor = spawn(root, () => undefined, 'rooms') as ActorSystemRef;
  /** Leads to rooms, not to the nact actors around them: each command then touches one object less (bench/NOTES.md). */
  const rooms = new Map<string, RoomActor>();
  const sessions = new SessionRooms();
  const health = new Health(clock, (roomId, session) => {
    if (!rooms.has(roomId) && parts.store.state().ready) wakeUp(roomId, session);
  });
  /** How many rooms were spawned so far. */
  let spawnCount = 0;

  function wakeUp(roomId: string, session: Session): RoomActor {
    const remembered = health.takeMembers(roomId);
    const spawned = new SpawnedRoom(roomId, supervision, {
      session,
      remembered: remembered ?? NOBODY,
      callRoll: remembered !== null || !sessions.knows(session, roomId),
    });
    rooms.set(roomId, spawned.room);
    spawned.spawn();
    return spawned.room;
  }

  const supervision: Supervision = {
    scheduler,
    parent: supervisor,
    parts,
    /**
     * nact finds actors by name. The number makes it new, so that an old reference never reaches a new room.
     */
    nameOf: (roomId) => `${roomId.replaceAll(':', '!')}$${++spawnCount}`,
    idle(room) {
      // In one step with the check: a command told after this finds no room and spawns one.
      if (rooms.get(room.roomId) !== room || !room.isIdle) return;
      sessions.add(room.session, room.roomId);
      putAway(room, 'idle');
    },
    ended(room, reason) {
      log.error({ room_id: room.roomId }, `room: stopped: ${reason}`);
      // The reason may name a host or a file, so it is for the log, and senders are told something else.
      end(room, 'the room could not go on');
    },
    strategy(room, cause, whole) {
      const { roomId } = room;
      meter.crashed('room');
      const { crashes, rests } = health.crashed(roomId);
      const strategy = rests ? 'stop' : whole ? 'resume' : 'reset';
      const stack = cause instanceof Error ? cause.stack : undefined;
      log.error({ room_id: roomId, cause: errorText(cause), stack, crashes }, CRASHED[strategy]);
      if (strategy === 'stop') end(room, 'the room crashes too often');
      return strategy;
    },
  };

  /** The room cannot go on. Its members keep their seats until it is woken again. */
  function end(room: RoomActor, reason: string): void {
    if (room.members.length > 0) health.keepMembers(room.roomId, room.members, room.session);
    putAway(room, reason);
  }

  function putAway(room: RoomActor, reason: string): void {
    drop(room);
    room.stop(reason);
  }

  function drop(room: RoomActor): void {
    if (rooms.get(room.roomId) === room) rooms.delete(room.roomId);
    room.supervisor.stop();
  }

  /** The room's session has ended, so nothing of it is published or answered any more. */
  function abandon(room: RoomActor): void {
    const { mayHaveMembers } = room;
    drop(room);
    room.abandon();
    if (mayHaveMembers) options.membersUnknown(room.roomId);
  }

  /**
   * Puts the longest idle room to sleep, to make place for another. False if all rooms that it looked at are
   * in use.
   */
  function sleepOne(): boolean {
    let looked = 0;
    let oldest: RoomActor | null = null;
    for (const [roomId, room] of rooms) {
      if (room.isIdle) {
        if (oldest === null || room.usedAt < oldest.usedAt) oldest = room;
      } else {
        // To the end of the map, so that other rooms are looked at next time.
        rooms.delete(roomId);
        rooms.set(roomId, room);
      }
      looked++;
      if (looked >= rooms.size || looked >= LOOKED_AT_MOST || (oldest && looked >= LOOKED_AT)) break;
    }
    if (oldest === null) return false;
    sessions.add(oldest.session, oldest.roomId);
    putAway(oldest, 'idle');
    return true;
  }

  /** The room for a delivery; null if the delivery was answered or given back here. */
  function roomFor(delivery: Delivery): RoomActor | null {
    const { command, session } = delivery;
    const { room_id } = command;
    const room = rooms.get(room_id);
    if (room?.session === session) return room;
    if (room) abandon(room);
    if (health.rests(room_id)) {
      delivery.retry('the room crashed too often and rests for 30 s', true);
      return null;
    }
    if (onlyFrees(command) && sessions.knows(session, room_id) && !health.keepsMembers(room_id)) {
      delivery.settle(command.type === 'leave' ? { type: 'done' } : { type: 'asserted', lost: [] });
      return null;
    }
    if (!parts.store.state().ready) {
      delivery.retry('the store is not ready, and the room is not awake', true);
      return null;
    }
    if (rooms.size >= options.maxRooms && !sleepOne()) {
      delivery.retry('too many rooms are awake', true);
      return null;
    }
    return wakeUp(room_id, session);
  }

  return {
    tell(delivery) {
      // Not answered any more: the broker delivers the command to the next home.
      if (sessions.isOver(delivery.session)) return;
      const room = roomFor(delivery);
      if (!room || room.mailbox.tell(delivery)) return;
      meter.dropped('room_mailbox_full');
      delivery.settle(
        refused({ code: 'rate_limited', message: 'the room has too much to do; try again in a second' }),
      );
    },
    word(word) {
      const room = rooms.get(word.room_id);
      if (word.type === 'present') room?.mailbox.tellFirst({ type: 'present', word });
      if (word.type === 'checked') room?.mailbox.tellFirst({ type: 'checked', word });
      if (word.type !== 'typing' || !room) return;
      // A member may type through several nodes: all of it comes here.
      if (options.typingLimit.passes(word.room_id, word.user))
        room.mailbox.tell(unanswered(word, room.session));
      else meter.dropped('typing_too_often');
    },
    nodeGone(nodeId) {
      for (const room of rooms.values())
        if (room.mayHaveMembers) room.mailbox.tellFirst({ type: 'node_gone', nodeId });
    },
    sessionEnded(session) {
      sessions.end(session);
      for (const roomId of health.sessionEnded(session)) options.membersUnknown(roomId);
      for (const room of [...rooms.values()]) if (room.session === session) abandon(room);
    },
    get awake() {
      return rooms.size;
    },
    get seats() {
      let sum = 0;
      for (const room of rooms.values()) sum += room.seats;
      return sum;
    },
    get waiting() {
      let sum = 0;
      for (const room of rooms.values()) sum += room.mailbox.depth;
      return sum;
    },
    stop() {
      for (const room of [...rooms.values()]) putAway(room, 'the node stops');
    },
  };
}

/** Whether a command can only take seats away, so that it changes nothing in a room without members. */
function onlyFrees(command: Command): boolean {
  return command.type === 'leave' || (command.type === 'assert' && command.present.length === 0);
}

/** A command whose sender expects no answer and no retry. */
function unanswered(command: Command, session: Session): Delivery {
  return {
    command,
    session,
    redelivered: false,
    mustWait: false,
    settle: () => undefined,
    retry: () => undefined,
  };
}
