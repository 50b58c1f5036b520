import { openClient, type Client, type Frame, type Parlor } from '../../support/parlor.js';
import { until } from '../../support/until.js';

/** A client of many rooms over one WebSocket. */
export interface RoomsClient extends Client {
  subscribe(room: string, since?: number): void;
  unsubscribe(room: string): void;
  /** The frames about a room, of one type or all. */
  in(room: string, type?: string): Frame[];
  /** Resolves with the frames of a type about a room when there are so many. */
  heard(room: string, type: string, count?: number): Promise<Frame[]>;
}

/** `query` such as `user=alice`. */
export function openRooms(parlor: Pick<Parlor, 'port'>, query = ''): RoomsClient {
  const client = openClient(`ws://127.0.0.1:${parlor.port}/ws?${query}`);
  const inRoom = (room: string, type?: string): Frame[] =>
    client.frames.filter((frame) => frame['room'] === room && (type === undefined || frame.type === type));
  return {
    ...client,
    subscribe: (room, since) =>
      client.send({ type: 'subscribe', room, ...(since === undefined ? {} : { since }) }),
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
