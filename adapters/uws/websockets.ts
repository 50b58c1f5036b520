import { STATUS_CODES } from 'node:http';
import uWS, { type HttpRequest, type HttpResponse, type TemplatedApp } from 'uWebSockets.js';
import { ERRORS } from '../../engine/errors.js';
import { requestIdOf } from '../../engine/hello.js';
import type { Outlet } from '../../engine/ports.js';
import { peerOf } from '../http/socket.js';
import { CorkedWriter } from './corked-writer.js';
import { GatheredOutlet, type GatherRule } from './gathered-outlet.js';
import {
  chooseProtocol,
  handshakeFault,
  readHeaders,
  VERSION,
  type HandshakeFault,
  type Headers,
} from './handshake.js';
import { Heartbeat } from './heartbeat.js';
import { Publishers, type AppSockets } from './publishers.js';
import { UwsSocket, type SocketHandler, type SocketParts, type Upgrade } from './socket.js';
import { asUtf8 } from '../http/utf8.js';

export interface WebSocketOptions {
  /** The paths of WebSockets, for example `/ws/*`. */
  readonly patterns: readonly string[];
  /** The subprotocol that is chosen if a client offers it. */
  readonly protocol: string;
  /** Bytes. A larger frame closes its connection with 4413, and one of more than twice this size without a close frame. */
  readonly maxFrameBytes: number;
  /** Bytes that a client has not read; with more its connection is closed with 4508. */
  readonly maxBufferedBytes: number;
  /** Each connection is pinged once in this time, s. */
  readonly pingS: number;
  /** A connection whose client sends nothing for this time, not even a pong, is closed at most `pingS` later; s. */
  readonly silenceS: number;
  /** The client's address, for the peer's and the header X-Forwarded-For, or ''. */
  readonly addressOf: (peer: string, forwardedFor: string) => string;
  /** For benchmarks: another rule than the one that was found best. */
  readonly gather?: GatherRule;
  /** Called for each new WebSocket. Returns its handler, or null if it has refused and closed the socket. */
  readonly opened: (socket: UwsSocket) => SocketHandler | null;
  /** Called before a request that is not a valid handshake is answered, to log and count it. */
  readonly refused: (fault: HandshakeFault, upgrade: Upgrade) => void;
}

/**
 * uWebSockets.js has a limit of its own. At the header of a larger frame it drops the connection, without a close frame
 * (the client sees 1006) and without buffering the frame. Up to that limit a frame is buffered whole, so the limit must not
 * be far above `maxFrameBytes`. With a factor of two, clients that exceed it a little still get a reason.
 */
const HARD_LIMIT_FACTOR = 2;

/**
 * The maximum of uWebSockets.js: only a safety net, since the heartbeat closes silent connections. With less than 32 s it
 * would also give a client less than 16 s to read its close frame.
 */
const IDLE_TIMEOUT_S = 960;

/** Half the time of a Buffer's `toString`, which needs a Buffer. A byte order mark is left for whoever reads the text. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** uWebSockets.js copies the fields of the user data into an object of its own, so an instance of a class would lose its methods. */
interface UserData {
  readonly socket: UwsSocket;
}

/** The WebSockets of a server. */
export interface WebSockets {
  /** Publishes frames to their topics. */
  readonly outlet: Outlet;
  /** Accepts WebSockets of this app, one of several perhaps, whose path fits the pattern. */
  readonly attach: (app: TemplatedApp) => void;
}

export function createWebSockets(options: WebSocketOptions): WebSockets {
  const { patterns, protocol, maxFrameBytes, maxBufferedBytes, pingS, silenceS, refused, addressOf } =
    options;
  const publishers = new Publishers();
  const outlet = new GatheredOutlet(publishers, maxBufferedBytes, options.gather);
  const heartbeat = new Heartbeat({ pingS, silenceS });
  const parts: SocketParts = {
    ...{ outlet, maxBufferedBytes, heartbeat },
    writer: new CorkedWriter(),
    awaited: new Map(),
  };

  function refuse(res: HttpResponse, req: HttpRequest, headers: Headers, fault: HandshakeFault): void {
    const upgrade = readUpgrade(res, req, headers);
    const requestId = requestIdOf(upgrade.requestId);
    refused(fault, { ...upgrade, requestId });
    answerFault(res, fault, requestId);
  }

  function attach(app: TemplatedApp): void {
    const sockets = publishers.add(app);
    for (const pattern of patterns) attachAt(app, pattern, sockets);
  }

  function attachAt(app: TemplatedApp, pattern: string, sockets: AppSockets): void {
    app.ws<UserData>(pattern, {
      maxPayloadLength: maxFrameBytes * HARD_LIMIT_FACTOR,
      maxBackpressure: maxBufferedBytes,
      idleTimeout: IDLE_TIMEOUT_S,
      sendPingsAutomatically: false,
      compression: uWS.DISABLED,
      upgrade(res, req, context) {
        const headers = readHeaders(req);
        const fault = handshakeFault(headers);
        if (fault) {
          refuse(res, req, headers, fault);
          return;
        }
        const socket = new UwsSocket(readUpgrade(res, req, headers), parts);
        const key = req.getHeader('sec-websocket-key');
        const extensions = req.getHeader('sec-websocket-extensions');
        res.upgrade({ socket }, key, chooseProtocol(headers, protocol), extensions, context);
      },
      open(ws) {
        const { socket } = ws.getUserData();
        sockets.opened();
        socket.opened(ws);
        socket.handler = options.opened(socket);
        socket.upgrade = null;
      },
      message(ws, message, isBinary) {
        const { socket } = ws.getUserData();
        socket.received();
        const { handler } = socket;
        if (!handler) return;
        if (message.byteLength > maxFrameBytes) {
          handler.end('payload_too_large', `a frame holds at most ${maxFrameBytes} bytes`);
        } else if (isBinary)
          handler.refuse('bad_request', 'send text frames: binary frames are not supported');
        else handler.frame(utf8.decode(message));
      },
      ping: (ws) => ws.getUserData().socket.received(),
      pong: (ws) => ws.getUserData().socket.received(),
      drain: (ws) => ws.getUserData().socket.drained(),
      dropped: (ws) => ws.getUserData().socket.overflowed(),
      close(ws, code, message) {
        // If there was no close frame, the reason is uWebSockets.js's own.
        sockets.closed();
        const why = code === ABNORMAL ? Buffer.from(message).toString() : '';
        ws.getUserData().socket.closed(code, why);
      },
    });
    // uWebSockets.js passes requests without a key of the right length on to the next route.
    app.get(pattern, (res, req) => {
      const headers = readHeaders(req);
      const none = { code: 'bad_request', detail: 'this is not a WebSocket handshake' } as const;
      refuse(res, req, headers, handshakeFault(headers) ?? none);
    });
  }

  function readUpgrade(res: HttpResponse, req: HttpRequest, headers: Headers): Upgrade {
    // Undefined without a question mark, which the types do not say.
    const query: string | undefined = req.getQuery();
    return {
      path: req.getUrl(),
      query: query ?? '',
      requestId: req.getHeader('x-request-id'),
      // Its lines are joined: an attacker's own would be the first.
      ip: addressOf(peerOf(res), headers.get('x-forwarded-for') ?? ''),
      authorization: req.getHeader('authorization'),
      protocols: req.getHeader('sec-websocket-protocol'),
      origin: req.getHeader('origin'),
      host: req.getHeader('host'),
    };
  }
  return { outlet, attach };
}

/** The code of a connection that ended without a close frame (RFC 6455 section 7.1.5). */
const ABNORMAL = 1006;

/** Answers with a problem document (RFC 9457), as the HTTP API does, and closes the connection. */
function answerFault(res: HttpResponse, { code, detail }: HandshakeFault, requestId: string): void {
  const { http: status, title } = ERRORS[code];
  res.cork(() => {
    res.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
    res.writeHeader('Content-Type', 'application/problem+json');
    res.writeHeader('X-Request-Id', requestId);
    if (code === 'upgrade_required') {
      res.writeHeader('Upgrade', 'websocket');
      res.writeHeader('Sec-WebSocket-Version', VERSION);
    }
    res.end(asUtf8(JSON.stringify({ type: `urn:parlor:error:${code}`, title, status, detail, code })), true);
  });
}
