import { Dispatcher, type Parent } from './dispatcher.js';
import { errorText } from './errors.js';
import { refused } from './messages/answers.js';
import type { Delivery } from './ports.js';
import { RoomActor } from './room/actor.js';
import type { Room, RoomHost, RoomParts } from './room/parts.js';

/** After so many crashes in CRASH_WINDOW_MS a room stays down for DOWN_MS. */
const CRASHES = 5;
const CRASH_WINDOW_MS = 10_000;
const DOWN_MS = 30_000;

export interface RoomsOptions {
  /** Rooms in memory at once; beyond it, rooms that are not awake answer `unavailable`. */
  readonly maxRooms: number;
}

export interface Rooms {
  tell(delivery: Delivery): void;
  readonly awake: number;
  readonly seats: number;
  readonly waiting: number;
  stop(): void;
}

interface Health {
  crashes: number[];
  downUntil: number;
  /** It lost its seats: when it wakes, those who held them are asked. */
  lostSeats: boolean;
}

/**
 * The supervisor of all rooms: spawns one when a command for it arrives, forgets it when it is idle, rebuilds it
 * when it crashes. They have their turns from one dispatcher.
 */
export function createRooms(root: Parent, parts: RoomParts, options: RoomsOptions): Rooms {
  const { clock, log, meter } = parts;
  const dispatcher = new Dispatcher(root, 'rooms');
  const rooms = new Map<string, RoomActor>();
  const health = new Map<string, Health>();

  const host: RoomHost = {
    idle(room) {
      // In one step with the check: a command told after this finds no room and spawns one.
      if (rooms.get(room.roomId) !== room || !room.isIdle) return;
      forget(room, 'idle');
      health.delete(room.roomId);
    },
    crashed(room, cause) {
      meter.crashed('room');
      const now = clock.elapsed();
      const record = healthOf(room.roomId);
      record.crashes = [...record.crashes.filter((at) => at > now - CRASH_WINDOW_MS), now];
      const down = record.crashes.length >= CRASHES;
      log.error(
        {
          room_id: room.roomId,
          cause: errorText(cause),
          stack: cause instanceof Error ? cause.stack : undefined,
          crashes: record.crashes.length,
        },
        down
          ? `room: crashed too often, down for ${DOWN_MS / 1000} s`
          : 'room: crashed, rebuilt from the store',
      );
      if (down) {
        record.downUntil = now + DOWN_MS;
        record.lostSeats = room.holdsSeats;
        forget(room, 'the room crashes too often');
        clock.after(DOWN_MS, () => {
          if (!record.lostSeats && !rooms.has(room.roomId)) health.delete(room.roomId);
        });
      }
      return !down;
    },
    ended(room, reason) {
      log.error({ room_id: room.roomId }, `room: stopped: ${reason}`);
      if (room.holdsSeats) healthOf(room.roomId).lostSeats = true;
      // Those who wait are told; the cause may name a host or a file, and is for the log.
      forget(room, 'the room could not go on');
    },
  };

  function healthOf(roomId: string): Health {
    let record = health.get(roomId);
    if (!record) health.set(roomId, (record = { crashes: [], downUntil: 0, lostSeats: false }));
    return record;
  }

  function forget(room: Room, reason: string): void {
    if (rooms.get(room.roomId) === room) rooms.delete(room.roomId);
    room.stop(reason);
  }

  function wakeUp(roomId: string): RoomActor {
    const record = health.get(roomId);
    const recovering = record?.lostSeats ?? false;
    if (record) record.lostSeats = false;
    const room = new RoomActor(roomId, dispatcher, parts, host, recovering);
    rooms.set(roomId, room);
    return room;
  }

  return {
    tell(delivery) {
      const roomId = delivery.command.room_id;
      let room = rooms.get(roomId);
      if (!room) {
        const down = (health.get(roomId)?.downUntil ?? 0) > clock.elapsed();
        if (down || rooms.size >= options.maxRooms) {
          const message = down ? 'the room crashed too often and rests for 30 s' : 'too many rooms are awake';
          delivery.settle(refused({ code: 'unavailable', message }));
          return;
        }
        if (!parts.store.state().ready) {
          delivery.retry('the store is not ready, and the room is not awake');
          return;
        }
        room = wakeUp(roomId);
      }
      if (!room.mailbox.tell(delivery)) {
        meter.dropped('room_mailbox_full');
        delivery.settle(
          refused({ code: 'rate_limited', message: 'the room has too much to do; try again in a second' }),
        );
      }
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
      for (const room of [...rooms.values()]) forget(room, 'the node stops');
    },
  };
}
