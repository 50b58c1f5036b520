import { isDurable, type RoomEvent } from './messages/events.js';
import type { Broker, Clock } from './ports.js';
import { slotOf } from './slots.js';

/** Notices the events of one room, without a seat in it. */
export interface Watch {
  /** Fulfilled when every later event will be noticed. Rejects, with a text for clients, if the room cannot be heard now. */
  readonly heard: Promise<void>;
  /** Grows when an event of the room is in the store, or may be. A read that begins after that finds it. */
  readonly version: number;
  /** Nothing is noticed any more: it was ended, or the node goes down. */
  readonly isOver: boolean;
  /** Resolves when `version` is not this one any more, after `ms`, or when the watch is over. One call at a time: the next one ends it. */
  changed(version: number, ms: number): Promise<void>;
  /** To be called, once or more often. */
  end(): void;
}

export interface Watchers {
  /** Null: the node goes down. */
  watch(roomId: string): Watch | null;
  event(event: RoomEvent): void;
  /** Events of all rooms may have been missed. */
  missed(): void;
  /** Ends all watches; no other begins. */
  stop(): void;
  /** Watches that have not ended. */
  readonly count: number;
}

interface WatchedRoom {
  version: number;
  readonly slot: number;
  readonly heard: Promise<void>;
  readonly watches: Set<RoomWatch>;
}

/** Those who wait for events on this node without a connection. */
export function createWatchers(broker: Pick<Broker, 'subscribe' | 'unsubscribe'>, clock: Clock): Watchers {
  const rooms = new Map<string, WatchedRoom>();
  /** Of all rooms, so that a room that is watched again never has a version that it had before. */
  let versions = 0;
  let count = 0;
  let isStopped = false;

  function open(roomId: string): WatchedRoom {
    const slot = slotOf(roomId);
    const heard = broker.subscribe(slot);
    const room: WatchedRoom = { version: ++versions, slot, heard, watches: new Set() };
    rooms.set(roomId, room);
    return room;
  }

  function wake(room: WatchedRoom): void {
    room.version = ++versions;
    for (const watch of room.watches) watch.wake();
  }

  return {
    watch(roomId) {
      if (isStopped) return null;
      const room = rooms.get(roomId) ?? open(roomId);
      const watch = new RoomWatch(room, clock, () => {
        count--;
        room.watches.delete(watch);
        if (room.watches.size > 0) return;
        rooms.delete(roomId);
        broker.unsubscribe(room.slot);
      });
      room.watches.add(watch);
      count++;
      return watch;
    },
    event(event) {
      if (rooms.size === 0 || !isDurable(event)) return;
      const room = rooms.get(event.room_id);
      if (room !== undefined) wake(room);
    },
    missed() {
      for (const room of rooms.values()) wake(room);
    },
    stop() {
      isStopped = true;
      for (const { watches } of [...rooms.values()]) for (const watch of [...watches]) watch.end();
    },
    get count() {
      return count;
    },
  };
}

class RoomWatch implements Watch {
  isOver = false;
  private woken = (): void => undefined;

  constructor(
    private readonly room: Pick<WatchedRoom, 'heard' | 'version'>,
    private readonly clock: Pick<Clock, 'after'>,
    private readonly ended: () => void,
  ) {}

  get heard(): Promise<void> {
    return this.room.heard;
  }

  get version(): number {
    return this.room.version;
  }

  wake(): void {
    this.woken();
  }

  changed(version: number, ms: number): Promise<void> {
    this.woken();
    if (this.isOver || this.version !== version) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.clock.after(ms, resolve);
      this.woken = () => {
        cancel();
        resolve();
      };
    });
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.woken();
    this.ended();
  }
}
