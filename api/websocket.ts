import { errorFrame } from '../engine/codec.js';
import type { Connection } from '../engine/connections.js';
import type { Engine } from '../engine/engine.js';
import { ERRORS, type ErrorCode } from '../engine/errors.js';
import { readHello, type Hello } from '../engine/hello.js';
import type { Log, Meter, Socket } from '../engine/ports.js';
import { addressFault } from '../engine/text/address.js';

const PREFIX = '/ws/updates/';

/** What an upgrade request said. */
interface Upgrade {
  readonly path: string;
  readonly query: string;
  readonly requestId: string;
  readonly ip: string;
}

interface Handler {
  frame(text: string): void;
  refuse(code: ErrorCode, message: string): void;
  end(code: ErrorCode, message: string): void;
  closed(closeCode: number): void;
}

/**
 * Lets a WebSocket in: reads who wants to be where, hands it to the engine, and logs one line when it is over. A
 * refused one has been accepted, is told why, and is closed with the code of the reason.
 */
export function letIn(
  parts: { engine: Engine; log: Log; meter: Meter },
  socket: Socket,
  upgrade: Upgrade,
): Handler | null {
  const { engine, log, meter } = parts;
  const refuse = (code: ErrorCode, message: string): null => {
    meter.refused(code);
    socket.send(errorFrame(code, message));
    socket.end(ERRORS[code].close, code);
    log.info({ path: upgrade.path, ip: upgrade.ip, code }, 'connection refused');
    return null;
  };
  const fault = addressFault(upgrade.path) ?? addressFault(upgrade.query);
  if (fault !== null) return refuse('bad_request', `the address ${fault}`);
  if (!upgrade.path.startsWith(PREFIX)) return refuse('not_found', `WebSockets are at ${PREFIX}{room_id}`);
  const opening = {
    roomId: decoded(upgrade.path.slice(PREFIX.length)),
    query: new URLSearchParams(upgrade.query),
    requestId: upgrade.requestId,
  };
  const read = readHello(opening);
  if ('refusal' in read) return refuse(read.refusal.code, read.refusal.message);
  const connection = engine.connect(socket, read.hello);
  return connection && new Visit(connection, read.hello, log, upgrade.ip);
}

/** A WebSocket that was let in: passes on what it says, and logs one line when it is over. Small, as there are many. */
class Visit implements Handler {
  private readonly begun = Math.round(performance.now());

  constructor(
    private readonly connection: Connection,
    private readonly hello: Hello,
    private readonly log: Log,
    private readonly ip: string,
  ) {}

  frame(text: string): void {
    this.connection.frame(text);
  }

  refuse(code: ErrorCode, message: string): void {
    this.connection.refuse(code, message);
  }

  end(code: ErrorCode, message: string): void {
    this.connection.end(code, message);
  }

  closed(code: number): void {
    const { connection, hello, ip } = this;
    connection.closed();
    const ms = Math.round(performance.now()) - this.begun;
    const { room_id, user } = hello;
    const fields = {
      connection_id: connection.id,
      request_id: connection.requestId,
      room_id,
      user,
      ip,
      code,
      ms,
    };
    this.log.info(fields, 'connection');
  }
}

/** Percent-decoded, or null where that fails. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
