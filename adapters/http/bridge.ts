import { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type FastifyServerFactory } from 'fastify';
import { type HttpRequest, type HttpResponse, type TemplatedApp } from 'uWebSockets.js';
import { Exchange, type ExchangeEvents, type ExchangeLimits } from './exchange.js';
import { createNextTurn } from './next-turn.js';
import { readHead } from './request-head.js';
import { type BridgeRequest } from './request.js';
import { type BridgeResponse } from './response.js';
import { plainRefusal, refuse, type Refuse, type Refused } from './refusals.js';
import { BridgeServer } from './server.js';
import { isPlain, offer, type ShortCut } from './short-cut.js';
import { peerOf } from './socket.js';

export interface HttpBridgeOptions {
  /** The hard limit of a request's body, in bytes: beyond it 413, and the connection is closed. */
  readonly maxBodyBytes: number;
  /** How long a body may take to arrive, in ms: beyond it 408, and the connection is closed. Default: 60,000. */
  readonly bodyTimeoutMs?: number;
  /** How long a body may pause, in ms: beyond it 408, and the connection is closed. Default: 7,000. */
  readonly bodyPauseMs?: number;
  /** In how much time a body has to come to its end, or on by 160 KB, in ms: otherwise 408 and the end. Default: 7,000. */
  readonly bodyPaceMs?: number;
  /** Answers what the bridge itself refuses. Default: a problem document that says no more than the status. */
  readonly refuse?: Refuse;
  /** Called with what a handler or listener threw outside Fastify's own handling. Default: a warning of the process. */
  readonly onError?: (cause: unknown) => void;
}

/** Lets a Fastify app answer the plain HTTP requests of a uWebSockets.js app. */
export interface HttpBridge {
  /** For Fastify's option of this name; one bridge serves one Fastify app. Throws when used a second time. */
  readonly serverFactory: FastifyServerFactory;
  /**
   * Registers a handler for every path of a uWebSockets.js app. WebSocket routes match first, in whatever order they are
   * registered. May be called for several of them.
   *
   * Throws if no Fastify app was made with `serverFactory` before. Do not listen before `fastify.ready()` has resolved.
   * The short cuts must give the answers that the app would give.
   */
  attach(app: TemplatedApp, shortCuts?: readonly ShortCut[]): void;
  /** From now on, whether every answer says `Connection: close` and ends its connection. */
  closeConnections(now: boolean): void;
  /** The number of requests whose answer is not complete. */
  readonly inFlight: number;
  /**
   * Resolves as soon as no request is in flight.
   *
   * New requests are still accepted meanwhile, and the last bytes of a long answer may still be in uWS.
   */
  drained(): Promise<void>;
}

const DEFAULT_BODY_TIMEOUT_MS = 60_000;
/** Shorter than the 8 to 12 s after which uWS closes a connection whose upload pauses, without an answer. */
const DEFAULT_BODY_PAUSE_MS = 7_000;
/** Shorter than the 8 to 12 s after which uWS closes a connection whose body comes too slowly, without an answer. */
const DEFAULT_BODY_PACE_MS = 7_000;

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** @throws RangeError for limits that are not whole positive numbers. */
export function createHttpBridge(options: HttpBridgeOptions): HttpBridge {
  const { maxBodyBytes, refuse: refusalOf = plainRefusal, onError = warn } = options;
  const { bodyTimeoutMs = DEFAULT_BODY_TIMEOUT_MS, bodyPauseMs = DEFAULT_BODY_PAUSE_MS } = options;
  const { bodyPaceMs = DEFAULT_BODY_PACE_MS } = options;
  const limits: ExchangeLimits = { maxBodyBytes, bodyTimeoutMs, bodyPauseMs, bodyPaceMs };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value <= 0)
      throw new RangeError(`${name} must be a positive integer`);
  }
  let handler: Handler | undefined;
  let inFlight = 0;
  let closing = false;
  let waiting: (() => void)[] = [];

  const events: ExchangeEvents = {
    settled() {
      inFlight -= 1;
      if (inFlight > 0) return;
      const resolved = waiting;
      waiting = [];
      for (const resolve of resolved) resolve();
    },
    fault(cause) {
      try {
        onError(cause);
      } catch (fault) {
        warn(fault);
      }
    },
    refusal(refused) {
      try {
        return refusalOf(refused);
      } catch (cause) {
        events.fault(cause);
        return plainRefusal(refused);
      }
    },
    isClosing: () => closing,
  };
  const nextTurn = createNextTurn();

  function accept(native: HttpResponse, req: HttpRequest, handle: Handler, cut?: ShortCut): void {
    const head = readHead(req, maxBodyBytes);
    if ('status' in head) {
      refuseLater(native, { ...head, peer: peerOf(native), ms: 0, raw: null });
      return;
    }
    inFlight += 1;
    // Fastify works with objects that behave like node:http's. Its types ask for the real ones.
    const call = (request: BridgeRequest, response: BridgeResponse): void =>
      handle(request as unknown as IncomingMessage, response as unknown as ServerResponse);
    if (cut && isPlain(head) && cut.wants(head)) {
      offer(native, head, cut, { events, nextTurn }, () => {
        const exchange = new Exchange(native, head, limits, events);
        exchange.call(call);
        return exchange;
      });
    } else new Exchange(native, head, limits, events).start(call);
  }

  /**
   * Refuses in the next turn, when uWS has parsed all that arrived with the request. If the answer were complete at once,
   * uWS would take the bytes behind a request that cannot be trusted for the next request. While there is no answer, it
   * closes the connection instead.
   */
  function refuseLater(native: HttpResponse, refused: Refused): void {
    let gone = false;
    native.onAborted(() => (gone = true));
    nextTurn(() => {
      const answer = events.refusal(refused);
      if (!gone) refuse(native, refused.status, answer);
    });
  }

  return {
    serverFactory: (fastifyHandler) => {
      if (handler) throw new Error('this bridge already serves a Fastify app: create one bridge for each');
      handler = fastifyHandler;
      // As above: the methods that Fastify calls are there, and the rest belongs to uWS.
      return new BridgeServer() as unknown as Server;
    },
    attach(app, shortCuts = []) {
      const attached = handler;
      if (!attached) throw new Error('attach comes after Fastify({ serverFactory: bridge.serverFactory })');
      for (const cut of shortCuts) app.post(cut.pattern, (native, req) => accept(native, req, attached, cut));
      app.any('/*', (native, req) => accept(native, req, attached));
    },
    closeConnections(now) {
      closing = now;
    },
    get inFlight() {
      return inFlight;
    },
    drained() {
      return inFlight === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve));
    },
  };
}

function warn(cause: unknown): void {
  process.emitWarning(cause instanceof Error ? cause : new Error(String(cause)));
}
