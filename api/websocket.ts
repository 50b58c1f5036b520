import { errorFrame } from '../engine/codec.js';
import type { Engine } from '../engine/engine.js';
import { ERRORS, type ErrorCode } from '../engine/errors.js';
import { readHello } from '../engine/hello.js';
import type { Log, Meter, Socket } from '../engine/ports.js';

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
  if (!upgrade.path.startsWith(PREFIX)) return refuse('not_found', `WebSockets are at ${PREFIX}{room_id}`);
  const opening = {
    roomId: decoded(upgrade.path.slice(PREFIX.length)),
    query: new URLSearchParams(upgrade.query),
    requestId: upgrade.requestId,
  };
  const read = readHello(opening);
  if ('refusal' in read) return refuse(read.refusal.code, read.refusal.message);
  const { room_id, user, request_id } = read.hello;
  const connection = engine.connect(socket, read.hello);
  if (!connection) return null;
  const begun = performance.now();
  return {
    frame: (text) => connection.frame(text),
    refuse: (code, message) => connection.refuse(code, message),
    end: (code, message) => connection.end(code, message),
    closed(code) {
      connection.closed();
      const ms = Math.round(performance.now() - begun);
      log.info(
        { connection_id: connection.id, request_id, room_id, user, ip: upgrade.ip, code, ms },
        'connection',
      );
    },
  };
}

/** Percent-decoded, or null where that fails. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
