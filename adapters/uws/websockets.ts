import uWS, { type HttpRequest, type TemplatedApp } from 'uWebSockets.js';
import type { Outlet } from '../../engine/ports.js';
import { GatheredOutlet, type GatherRule } from './gathered-outlet.js';
import { UwsSocket, type SocketHandler, type SocketParts } from './socket.js';

export interface WebSocketOptions {
  /** Where WebSockets are taken, for example `/ws/*`. */
  readonly pattern: string;
  /** A frame of more bytes ends its connection with 4413. */
  readonly maxFrameBytes: number;
  /** A connection that has so many bytes to read is ended with 4508. */
  readonly maxBufferedBytes: number;
  /** A connection from which nothing came for so long, not even a pong, is ended; s, at least 8 (uWebSockets.js). */
  readonly silenceS: number;
  /** Another rule than the one that was found best: for measuring. */
  readonly gather?: GatherRule;
  /** Called for each new WebSocket. Null: it was refused and has been told. */
  readonly opened: (socket: UwsSocket) => SocketHandler | null;
}

/**
 * What uWebSockets.js itself takes at most: beyond this it drops the connection without a word (close code 1006),
 * so it stands well above `maxFrameBytes`, for which there is an answer.
 */
const HARD_LIMIT_BYTES = 2 * 1024 * 1024;

/** uWebSockets.js copies the fields of what it is given to an object of its own: a class would lose its methods. */
interface UserData {
  readonly socket: UwsSocket;
}

/** Takes WebSockets on a pattern, and publishes to topics: the one place where frames meet uWebSockets.js. */
export function attachWebSockets(app: TemplatedApp, options: WebSocketOptions): Outlet {
  const outlet = new GatheredOutlet(app, options.maxBufferedBytes, options.gather);
  const parts: SocketParts = {
    outlet,
    maxBufferedBytes: options.maxBufferedBytes,
    awaited: new Map(),
  };
  app.ws<UserData>(options.pattern, {
    maxPayloadLength: HARD_LIMIT_BYTES,
    maxBackpressure: options.maxBufferedBytes,
    idleTimeout: options.silenceS,
    sendPingsAutomatically: true,
    compression: uWS.DISABLED,
    upgrade(res, req, context) {
      const ip = Buffer.from(res.getRemoteAddressAsText()).toString();
      const socket = new UwsSocket(readUpgrade(req, ip), parts);
      const key = req.getHeader('sec-websocket-key');
      // No subprotocol is spoken here, so none is chosen (RFC 6455 section 4.2.2).
      res.upgrade({ socket }, key, '', req.getHeader('sec-websocket-extensions'), context);
    },
    open(ws) {
      const { socket } = ws.getUserData();
      socket.opened(ws);
      socket.handler = options.opened(socket);
      socket.upgrade = null;
    },
    message(ws, message, isBinary) {
      const { handler } = ws.getUserData().socket;
      if (!handler) return;
      if (message.byteLength > options.maxFrameBytes) {
        handler.end('payload_too_large', `a frame holds at most ${options.maxFrameBytes} bytes`);
      } else if (isBinary)
        handler.refuse('bad_request', 'send text frames: binary ones are not understood here');
      else handler.frame(Buffer.from(message).toString());
    },
    drain: (ws) => ws.getUserData().socket.drained(),
    dropped: (ws) => ws.getUserData().socket.overflowed(),
    close: (ws, code) => ws.getUserData().socket.closed(code),
  });
  return outlet;
}

function readUpgrade(req: HttpRequest, ip: string): UwsSocket['upgrade'] {
  return { path: req.getUrl(), query: req.getQuery(), requestId: req.getHeader('x-request-id'), ip };
}
