import type { Socket } from 'node:net';
import { openClient, type Client, type Frame, type Parlor } from '../../support/parlor.js';
import { until } from '../../support/until.js';

/** A client of many rooms over one WebSocket. */
export interface RoomsClient extends Client {
  subscribe(room: string, since?: number): void;
  /** Subscribes to all in one write, so that the server reads all frames before it deals with the first. Needs `hello`. */
  subscribeAll(rooms: readonly string[], since?: number): void;
  unsubscribe(room: string): void;
  /** The frames about a room, of one type or all. */
  in(room: string, type?: string): Frame[];
  /** Resolves with the frames of a type about a room when there are so many. */
  heard(room: string, type: string, count?: number): Promise<Frame[]>;
}

/** `query` such as `user=alice`. */
export function openRooms(parlor: Pick<Parlor, 'port'>, query = ''): RoomsClient {
  const client = openClient(`ws://127.0.0.1:${parlor.port}/ws?${query}`);
  let tcp: Socket | null = null;
  client.socket.once('upgrade', ({ socket }) => (tcp = socket));
  const subscribe = (room: string, since?: number): void =>
    client.send({ type: 'subscribe', room, ...(since === undefined ? {} : { since }) });
  const inRoom = (room: string, type?: string): Frame[] =>
    client.frames.filter((frame) => frame['room'] === room && (type === undefined || frame.type === type));
  return {
    ...client,
    subscribe,
    subscribeAll(rooms, since) {
      if (tcp === null) throw new Error('the connection is not open yet: wait for its hello');
      tcp.cork();
      for (const room of rooms) subscribe(room, since);
      tcp.uncork();
    },
    unsubscribe: (room) => client.send({ type: 'unsubscribe', room }),
    in: inRoom,
    async heard(room, type, count = 1) {
      await until(() => inRoom(room, type).length >= count, {
        timeoutMs: 30_000,
        what: () => `${count} × ${type} of ${room}; it was told ${JSON.stringify(client.frames.slice(-4))}`,
      });
      return inRoom(room, type);
    },
  };
}

/** The same, and its hello has come. */
export async function joinRooms(parlor: Pick<Parlor, 'port'>, query = ''): Promise<RoomsClient> {
  const client = openRooms(parlor, query);
  await client.next('hello');
  return client;
}
