import { errorFrame } from './codec.js';
import type { ClientSocket, ConnectionParts } from './client-socket.js';
import type { Grant } from './access/grant.js';
import { ERRORS, GOING_DOWN } from './errors.js';
import { returnSpreadMs, sayFarewell } from './farewell.js';
import type { Hello, Visitor } from './hello.js';
import type { LoopTurns } from './loop-turns.js';
import { ManyRooms } from './many-rooms.js';
import { OneRoom } from './one-room.js';
import type { Clock, Socket } from './ports.js';
import { Scheduler, type Parent } from './scheduler.js';

/** The part of a connection that its socket's adapter calls. */
export type Connection = Pick<ClientSocket, 'id' | 'requestId' | 'frame' | 'refuse' | 'end' | 'closed'>;

/** The same of a connection to many rooms. */
export type ManyConnection = Connection & Pick<ManyRooms, 'roomCount'>;

export interface Connections {
  /** Opens a connection to one room. Null when the node goes down: then the socket has been told so and is ended. */
  open(socket: Socket, hello: Hello): Connection | null;
  /** Opens a connection to many rooms, as `open`. */
  openMany(socket: Socket, visitor: Visitor): ManyConnection | null;
  readonly count: number;
  /** Ends the connections that this holds for with `unauthorized`. */
  end(
    isMeant: (connection: { readonly user: string; readonly granted: Grant }) => boolean,
    message: string,
  ): void;
  /** From now on whoever comes is told when to come back. */
  takeNoMore(): void;
  /**
   * Ends all connections with 1012, some at a time within `withinMs`, each once its posts are answered. Resolves when
   * none is left. Call `takeNoMore` before. `isAlone`: no other node could let them in again.
   */
  restart(withinMs: number, isAlone: boolean): Promise<void>;
}

interface Parts extends Omit<ConnectionParts, 'ended'> {
  readonly clock: Clock;
  readonly loop: LoopTurns;
  /** How long seats are kept by default, ms. */
  readonly graceMs: number;
}

/** The supervisor of the connections on this node. */
export function createConnections(root: Parent, parts: Parts): Connections {
  const scheduler = new Scheduler(root, 'connections', parts.loop);
  const connections = new Set<ClientSocket>();
  let open = true;
  const withEnd: ConnectionParts = {
    ...parts,
    ended: (connection) => void connections.delete(connection),
  };

  /** `connect` makes the connection, if any is taken. */
  function take<C extends ClientSocket>(socket: Socket, connect: (id: string) => C): C | null {
    if (!open) {
      parts.meter.refused('unavailable');
      const { code, message } = GOING_DOWN;
      const retryAfterMs = Math.round(Math.random() * returnSpreadMs(1, parts.graceMs));
      socket.send(errorFrame(code, message, undefined, retryAfterMs));
      socket.end(ERRORS[code].close, code);
      return null;
    }
    const connection = connect(parts.newId());
    connections.add(connection);
    return connection;
  }

  return {
    open: (socket, hello) => take(socket, (id) => new OneRoom(id, scheduler, hello, socket, withEnd)),
    openMany: (socket, visitor) =>
      take(socket, (id) => new ManyRooms(id, scheduler, visitor, socket, withEnd)),
    get count() {
      return connections.size;
    },
    end(isMeant, message) {
      // Few calls, so the connections are walked: an index by user would cost each of them memory.
      for (const connection of [...connections].filter(isMeant)) connection.end('unauthorized', message);
    },
    takeNoMore() {
      open = false;
    },
    restart: (withinMs, isAlone) =>
      sayFarewell(connections, parts.clock, { withinMs, graceMs: parts.graceMs, isAlone }),
  };
}
