import { errorFrame } from './codec.js';
import { ConnectionActor, type ConnectionParts } from './connection.js';
import { ERRORS } from './errors.js';
import type { Hello } from './hello.js';
import type { Socket } from './ports.js';
import { Scheduler, type Parent } from './scheduler.js';

/** The part of a connection that its socket's adapter calls. */
export type Connection = Pick<ConnectionActor, 'id' | 'requestId' | 'frame' | 'refuse' | 'end' | 'closed'>;

export interface Connections {
  /** Opens a connection. Null when the node goes down: then the socket has been told so and is ended. */
  open(socket: Socket, hello: Hello): Connection | null;
  readonly count: number;
  /** Ends all connections with 1012, and takes no more. */
  restart(): void;
}

/** The supervisor of the connections on this node. */
export function createConnections(root: Parent, parts: Omit<ConnectionParts, 'ended'>): Connections {
  const scheduler = new Scheduler(root, 'connections');
  const connections = new Set<ConnectionActor>();
  let open = true;
  const withEnd: ConnectionParts = {
    ...parts,
    ended: (connection) => void connections.delete(connection),
  };

  return {
    open(socket, hello) {
      if (!open) {
        parts.meter.refused('unavailable');
        socket.send(errorFrame('unavailable', 'this node is going down; come back'));
        socket.end(ERRORS.unavailable.close, 'unavailable');
        return null;
      }
      const connection = new ConnectionActor(parts.newId(), scheduler, hello, socket, withEnd);
      connections.add(connection);
      return connection;
    },
    get count() {
      return connections.size;
    },
    restart() {
      open = false;
      for (const connection of [...connections]) connection.restart();
    },
  };
}
