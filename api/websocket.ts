import type { HandshakeFault } from '../adapters/uws/handshake.js';
import type { SocketHandler, Upgrade } from '../adapters/uws/socket.js';
import { errorFrame } from '../engine/codec.js';
import { ANYBODY, type Grant } from '../engine/access/grant.js';
import type { Connection, ManyConnection } from '../engine/connections.js';
import type { Engine } from '../engine/engine.js';
import { ERRORS, type ErrorCode, type Refusal } from '../engine/errors.js';
import { readHello, readVisitor, type Hello, type Visitor } from '../engine/hello.js';
import type { TooOften } from '../engine/limits/client-limits.js';
import type { Log, Socket } from '../engine/ports.js';
import { addressFault, loggable } from '../engine/text/address.js';
import { Arrival } from './access/arrival.js';
import type { Arrivals, TurnedAway } from './arrivals.js';
import { findToken, splitQuery } from './access/token.js';
import type { Metrics } from './metrics.js';
import type { Guard } from './origins.js';
import { TurnShare } from './turn-share.js';

/** The path of a WebSocket for many rooms. */
export const WS_MANY = '/ws';
/** The path of a WebSocket for one room, up to its room id. */
export const WS_PREFIX = '/ws/updates/';
/** All paths that are for WebSockets. */
export const WS_PATTERNS: readonly string[] = [WS_MANY, `${WS_MANY}/*`];
/** How requests to them are counted. */
const WS_LABEL = '/ws/*';
/** The only subprotocol. It is chosen when a client offers it, and used when a client offers none. */
export const SUBPROTOCOL = 'parlor.v1';
/** A refusal quotes at most this many characters of the address. */
const SHOWN = 100;
export const FULL = 'this node can take no more connections; come back in a moment, or ask another';

interface Parts {
  readonly engine: Engine;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'refused' | 'limited'>;
  readonly guard: Guard;
  readonly arrivals: Arrivals;
  /** Whether there is no room for one more connection on this node. */
  readonly isFull: () => boolean;
}

/** Lets a WebSocket in, or refuses it. Returns its handler, or null if it is refused and closed. */
type LetIn = (
  socket: Socket,
  upgrade: Upgrade,
  /** Called with the handler that takes over from the returned one; null: the socket was refused and is closed. */
  replace: (handler: SocketHandler | null) => void,
) => SocketHandler | null;

/**
 * So much of a turn of the event loop is for letting in new connections, ms. It is enough for two or three, whose
 * joins make a batch. Without a limit, 64 clients that connect and go without a pause make everybody else wait
 * for all 64 in each turn (bench/NOTES.md).
 */
const ARRIVALS_MS = 0.2;

/** Lets WebSockets in, in order, for at most ARRIVALS_MS of a turn of the event loop. The others wait for the next. */
export function createDoor(parts: Parts): LetIn {
  const share = new TurnShare(ARRIVALS_MS);
  return (socket, upgrade, replace) => {
    if (share.isFree) return share.spend(() => letIn(parts, socket, upgrade, replace));
    const arrival = new Arrival(
      (code, message) => refuse(parts, socket, upgrade, { code, message }),
      () => goneEarly(parts, upgrade),
    );
    share.later(() => {
      if (arrival.isOver) return;
      arrival.finish();
      const handler = letIn(parts, socket, upgrade, replace);
      replace(handler);
      if (handler !== null) arrival.passTo(handler);
    });
    return arrival;
  };
}

/** Logs that a client is gone before it was let in or refused. */
function goneEarly({ log }: Parts, { path, ip }: Upgrade): void {
  log.info({ path: loggable(path), ip }, 'connection gone before it was let in');
}

/** Tells the client why it may not come in, and closes its socket. */
function refuse(
  { metrics, log }: Parts,
  socket: Socket,
  upgrade: Upgrade,
  refusal: Refusal & Partial<TurnedAway | TooOften>,
): null {
  const { code, message, limit, retry_after_ms } = refusal;
  metrics.refused(code);
  socket.send(errorFrame(code, message, undefined, retry_after_ms));
  socket.end(ERRORS[code].close, code);
  const { path, ip } = upgrade;
  log.info(
    { path: loggable(path), ip, code, ...(limit === undefined ? {} : { limit }) },
    'connection refused',
  );
  return null;
}

/**
 * Lets a WebSocket in now: reads the user and the room, passes the connection to the engine, and logs one line when it is
 * closed. A token that is not known yet is checked meanwhile: then `replace` is called with the handler that takes over
 * from the returned one. A refused WebSocket is accepted first, then sent the reason and closed with its code, as a page cannot see an
 * HTTP status. Pages of a foreign origin are refused in this way, too, before they have a seat.
 */
function letIn(
  parts: Parts,
  socket: Socket,
  upgrade: Upgrade,
  replace: (handler: SocketHandler | null) => void,
): SocketHandler | null {
  const { engine, metrics, guard, arrivals } = parts;
  const { ip } = upgrade;
  const refused = (code: ErrorCode, message: string): null =>
    refuse(parts, socket, upgrade, { code, message });
  const turnAway = (turned: TurnedAway | TooOften): null => {
    metrics.limited(turned.limit);
    return refuse(parts, socket, upgrade, turned);
  };
  const tooSoon = arrivals.knock(ip);
  if (tooSoon !== null) return turnAway(tooSoon);
  if (parts.isFull()) return refused('unavailable', FULL);
  const foreign = guard.refusal(upgrade.origin, upgrade.host);
  if (foreign !== null) return refused('forbidden', foreign);
  const unreadable = addressFault(upgrade.path) ?? addressFault(upgrade.query);
  if (unreadable !== null) return refused('bad_request', `the address ${unreadable}`);
  // A trailing slash is ignored.
  const path = upgrade.path.replace(/\/$/, '');
  const fault = pathFault(path);
  if (fault) return refused(fault.code, fault.message);
  const { rest, token: inQuery } = splitQuery(upgrade.query);
  const tooMany = arrivals.enter(ip);
  if (tooMany !== null) return turnAway(tooMany);
  /** `refused` for somebody who has a place by now. */
  const sendOut = (code: ErrorCode, message: string): null => {
    arrivals.left(ip);
    return refused(code, message);
  };
  const enter = (grant: Grant): SocketHandler | null => {
    const asked = { query: new URLSearchParams(rest), requestId: upgrade.requestId, grant };
    const read =
      path === WS_MANY
        ? readVisitor(asked)
        : readHello({ ...asked, roomId: decoded(path.slice(WS_PREFIX.length)) });
    if ('refusal' in read) return sendOut(read.refusal.code, read.refusal.message);
    const { user } = 'hello' in read ? read.hello : read.visitor;
    const notNow = access.isTrusted(grant) ? null : (engine.pauseOf(user) ?? arrivals.seat(user));
    if (notNow !== null) {
      arrivals.left(ip);
      return turnAway(notNow);
    }
    const visit = 'hello' in read ? visitOne(read.hello) : visitMany(read.visitor);
    if (visit === null) goneAgain(parts, ip, { grant, user });
    return visit;
  };
  const visitOne = (hello: Hello): SocketHandler | null => {
    const connection = engine.connect(socket, hello);
    return connection && new Visit(connection, hello, parts, ip);
  };
  const visitMany = (visitor: Visitor): SocketHandler | null => {
    const connection = engine.connectToMany(socket, visitor);
    return connection && new Visit(connection, visitor, parts, ip);
  };
  const { access } = engine;
  if (!access.isRequired) return enter(ANYBODY);
  const { authorization, protocols } = upgrade;
  const found = findToken({ authorization, protocols, query: inQuery });
  if ('fault' in found) return sendOut('bad_request', found.fault);
  const known = found.token === null ? null : access.known(found.token);
  if (known !== null) return enter(known);
  const arrival = new Arrival(sendOut, () => {
    arrivals.left(ip);
    goneEarly(parts, upgrade);
  });
  void access.identify(found.token).then((grant) => {
    if (arrival.isOver) return;
    arrival.finish();
    const handler = 'code' in grant ? sendOut(grant.code, grant.message) : enter(grant);
    replace(handler);
    if (handler !== null) arrival.passTo(handler);
  });
  return arrival;
}

/** Logs and counts a request that opens no WebSocket; it has been answered. */
export function refusedHandshake(
  { log, metrics }: { readonly log: Log; readonly metrics: Pick<Metrics, 'refused' | 'requestsTo'> },
  { code, detail }: HandshakeFault,
  { path, ip, requestId }: Upgrade,
): void {
  metrics.refused(code);
  metrics.requestsTo('GET', WS_LABEL)(ERRORS[code].http, 0);
  log.info({ request_id: requestId, path: loggable(path), ip, code, detail }, 'connection refused');
}

/** What is wrong with an address, apart from its room id. Its trailing slash is removed already. */
function pathFault(path: string): Refusal | null {
  if (path === WS_MANY) return null;
  const address = `WebSockets are at ${WS_PREFIX}{room_id}, and at ${WS_MANY} for many rooms`;
  if (!`${path}/`.startsWith(WS_PREFIX))
    return { code: 'not_found', message: `there is nothing at ${path.slice(0, SHOWN)}: ${address}` };
  const rest = path.slice(WS_PREFIX.length);
  if (rest === '') return { code: 'bad_request', message: `the room id is missing: ${address}` };
  if (rest.includes('/'))
    return { code: 'bad_request', message: `"${rest.slice(0, SHOWN)}" is more than a room id: ${address}` };
  return null;
}

/** An accepted WebSocket: passes on its frames, and logs one line when it is closed. Small, as there are many. */
export class Visit implements SocketHandler {
  private readonly begun = Math.round(performance.now());

  constructor(
    private readonly connection: Connection | ManyConnection,
    private readonly visitor: Visitor | Hello,
    private readonly parts: Pick<Parts, 'log' | 'arrivals' | 'engine'>,
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

  closed(code: number, why: string): void {
    const { connection, visitor, ip, parts } = this;
    const where =
      'roomCount' in connection
        ? { rooms: connection.roomCount }
        : 'room_id' in visitor
          ? { room_id: visitor.room_id }
          : {};
    connection.closed();
    goneAgain(parts, ip, visitor);
    const ms = Math.round(performance.now()) - this.begun;
    const { user } = visitor;
    const fields = {
      connection_id: connection.id,
      request_id: connection.requestId,
      ...where,
      user,
      ip,
      code,
      ms,
      ...(why === '' ? {} : { why }),
    };
    parts.log.info(fields, 'connection');
  }
}

/** Gives back both places of a connection. */
export function goneAgain(
  { arrivals, engine }: Pick<Parts, 'arrivals' | 'engine'>,
  ip: string,
  { grant, user }: Pick<Visitor, 'grant' | 'user'>,
): void {
  arrivals.left(ip);
  if (!engine.access.isTrusted(grant)) arrivals.unseat(user);
}

/** Percent-decoded, or null where that fails. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
