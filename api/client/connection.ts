import { backoffMs } from './backoff.js';
import { createEmitter, report } from './emitter.js';
import { NetworkError, ParlorError, timeout } from './errors.js';
import { startHeartbeat, type Heartbeat } from './heartbeat.js';
import type { RoomHost } from './host.js';
import { createHttp } from './http.js';
import type { Link, LinkEvents } from './link.js';
import { createMachine } from './machine.js';
import { createOutbox } from './outbox.js';
import { createRoom, type HostedRoom } from './room.js';
import type { Settings } from './settings.js';
import { openStreams } from './sse.js';
import { statusOf, type Event, type State, type Via } from './states.js';
import { createTokens } from './token.js';
import type { Connection, ConnectionEvents, OutboxStore } from './types.js';
import { onWake } from './wake.js';
import { openWebSocket } from './websocket.js';
import type { RoomFrame } from './wire.js';

/** Who was connected for so long had no trouble with connecting: the pauses start from the shortest again, ms. */
const SETTLED_MS = 5_000;
/** How long a WebSocket may take to open while there is another transport to try, ms. */
const FALLBACK_AFTER_MS = 1_500;
/** Where WebSockets never opened, they are tried again at a reconnect after so long, ms: the network may be another one. */
const RETRY_WEBSOCKET_MS = 300_000;
/** So many tokens in a row are refused before there is no hope that the next one is better. */
const MOST_REFUSALS = 2;

export function createConnection(settings: Settings): Connection {
  const { on, off, emit } = createEmitter<ConnectionEvents>();
  const { transports, fillLimit, requestTimeoutMs, connectTimeoutMs } = settings;
  const tokens = createTokens(settings);
  let user = settings.user;
  let resume = settings.resume;
  let error: ParlorError | null = null;
  let told = '';
  let wasConnected = false;
  let isLong = false;
  let longTimer: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let refusals = 0;
  let openedAt = 0;
  /** WebSockets have opened once: then a failure is one of the network, and not of the transport. */
  let hasWebSockets = false;
  let sseUntil = 0;
  let heartbeat: Heartbeat | undefined;
  let isLoaded = !settings.outbox;
  let undoWake: (() => void) | undefined;
  const rooms = new Map<string, HostedRoom>();
  const http = createHttp(settings, tokens);
  const host: RoomHost = {
    link,
    isReady: () => isLoaded,
    http,
    outbox: createOutbox(settings.outboxLimit, settings.outbox),
    fillLimit,
    requestTimeoutMs,
    pauseMs: (attempt, { retryAfterMs }) => backoffMs(attempt, settings, retryAfterMs),
    user: () => user,
    postsAs: () => (tokens.current() === null ? (user ?? undefined) : undefined),
    onClose: (listener) => on('status', (now) => now.status === 'closed' && listener(now.error)),
  };

  const stay = (): null => null;
  const closed = (): State => ({ name: 'closed', error: null });
  const again = (): State => ({ name: 'authorizing' });
  const { state, send } = createMachine<State, Event>(
    closed(),
    {
      closed: { enter: enterClosed, on: { open: again, close: stay } },
      authorizing: {
        enter: enterAuthorizing,
        on: {
          token: ({ token }) => ({ name: 'opening', via: ways(), token }),
          denied: ({ error }) => (error.retry ? pause(error) : { name: 'closed', error }),
          open: stay,
          wake: stay,
          close: closed,
        },
      },
      opening: {
        enter: enterOpening,
        on: {
          opened: ({ link }, { via: [via], token }) => ({ name: 'open', via, link, token }),
          ended: ({ error }, { via: [, next, ...rest], token }) =>
            next && error instanceof NetworkError
              ? { name: 'opening', via: [next, ...rest], token }
              : after(error),
          open: stay,
          wake: stay,
          close: closed,
        },
      },
      open: {
        enter: enterOpen,
        on: {
          ended({ error }) {
            if (Date.now() - openedAt >= SETTLED_MS) attempt = refusals = 0;
            return after(error);
          },
          wake() {
            heartbeat?.wake();
            return null;
          },
          open: stay,
          close: closed,
        },
      },
      waiting: {
        enter({ ms }) {
          const timer = setTimeout(() => send({ type: 'due' }), ms);
          return () => clearTimeout(timer);
        },
        on: {
          due: again,
          wake: (_, { isAsked }) => (isAsked ? null : again()),
          open: again,
          close: closed,
        },
      },
    },
    changed,
  );

  function link(): Link | null {
    const now = state();
    return now.name === 'open' ? now.link : null;
  }

  function hosted(id: string): HostedRoom {
    let room = rooms.get(id);
    if (!room) rooms.set(id, (room = createRoom(id, host)));
    return room;
  }

  /** Posts that an earlier life of the page has left. */
  async function load(outbox: OutboxStore): Promise<void> {
    try {
      for (const post of await outbox.load()) hosted(post.room_id).restore(post);
    } catch (cause) {
      report(cause);
    }
    isLoaded = true;
    for (const room of rooms.values()) room.pump();
  }

  /** The transports to try, in order. */
  function ways(): readonly [Via, ...Via[]] {
    if (hasWebSockets) return ['websocket'];
    return Date.now() < sseUntil ? ['sse'] : transports;
  }

  function start(via: Via, token: string | null, events: LinkEvents): Link {
    const { WebSocket } = settings;
    const identity = { user: settings.user, token, resume };
    return via === 'websocket' && WebSocket
      ? openWebSocket(settings, WebSocket, identity, events)
      : openStreams(settings, identity, events);
  }

  function receive(frame: RoomFrame): void {
    // Over SSE a room's welcome is where a guest learns its name.
    if (frame.type === 'welcome') identify(frame.user, frame.resume ?? null);
    rooms.get(frame.room)?.receive(frame);
  }

  function identify(name: string | null, secret: string | null): void {
    user = name ?? user;
    resume = secret ?? resume;
    announce();
  }

  /** What comes after an attempt, or a connection, that has ended. */
  function after(cause: ParlorError): State {
    const isStale = cause.code === 'unauthorized' && settings.getToken !== undefined;
    const isHopeless = isStale ? ++refusals > MOST_REFUSALS : !cause.retry;
    return isHopeless ? { name: 'closed', error: cause } : pause(cause);
  }

  function pause(cause: ParlorError): State {
    const ms = backoffMs(attempt++, settings, cause.retryAfterMs);
    return { name: 'waiting', ms, isAsked: cause.retryAfterMs !== null, error: cause };
  }

  function enterClosed(): undefined {
    undoWake?.();
    undoWake = undefined;
    http.close();
    for (const room of rooms.values()) room.close();
    wasConnected = false;
    attempt = refusals = 0;
  }

  function enterAuthorizing(): () => void {
    let isOver = false;
    undoWake ??= onWake(() => send({ type: 'wake' }));
    tokens.next(
      (token) => isOver || send({ type: 'token', token }),
      (cause) => isOver || send({ type: 'denied', error: cause }),
    );
    return () => {
      isOver = true;
    };
  }

  function enterOpening({ via: [first, ...rest], token }: State & { name: 'opening' }): () => void {
    let isOpen = false;
    let opened: Link | undefined;
    const ended = (cause: ParlorError): void => send({ type: 'ended', error: cause });
    try {
      opened = start(first, token, {
        opened(name, secret) {
          isOpen = true;
          if (first === 'sse') sseUntil = Date.now() + RETRY_WEBSOCKET_MS;
          else hasWebSockets = true;
          if (opened) send({ type: 'opened', link: opened });
          identify(name, secret);
        },
        frame: receive,
        heard: () => heartbeat?.heard(),
        ended,
      });
    } catch (cause) {
      // The address, or a token that no header can carry.
      ended(new ParlorError('bad_request', String(cause), false));
    }
    const limitMs = rest.length > 0 ? FALLBACK_AFTER_MS : connectTimeoutMs;
    const timer = setTimeout(() => ended(timeout()), limitMs);
    return () => {
      clearTimeout(timer);
      // Once it is open, the next state has it.
      if (!isOpen) opened?.close();
    };
  }

  function enterOpen({ link: now, token }: State & { name: 'open' }): () => void {
    openedAt = Date.now();
    wasConnected = true;
    heartbeat = startHeartbeat(settings, now.probe, () => send({ type: 'ended', error: timeout() }));
    const undoFresh = tokens.keepFresh(token, (newer) => now.send({ type: 'refresh', token: newer }));
    if (settings.outbox && !isLoaded) void load(settings.outbox);
    for (const room of rooms.values()) room.linked(true);
    return () => {
      undoFresh();
      heartbeat?.stop();
      heartbeat = undefined;
      now.close();
      for (const room of rooms.values()) room.linked(false);
    };
  }

  function changed(now: State): void {
    if ('error' in now) ({ error } = now);
    if (now.name === 'open') error = null;
    if (now.name === 'open' || now.name === 'closed') {
      clearTimeout(longTimer);
      longTimer = undefined;
      isLong = false;
    } else
      longTimer ??= setTimeout(() => {
        isLong = true;
        announce();
      }, settings.lostAfterMs);
    announce();
  }

  /** Tells what has changed, if something has. */
  function announce(): void {
    const { status, transport } = connection;
    const now = [status, error?.message, user, transport].join();
    if (now === told) return;
    told = now;
    emit('status', { status, error });
  }

  const connection: Connection = {
    on,
    off,
    get status() {
      return statusOf(state().name, { wasConnected, isLong });
    },
    get error() {
      return error;
    },
    get user() {
      return user;
    },
    get resume() {
      return resume;
    },
    get transport() {
      const now = state();
      return now.name === 'open' ? now.via : null;
    },
    room: (id) => hosted(id).room,
    open: () => send({ type: 'open' }),
    close: () => send({ type: 'close' }),
  };
  return connection;
}
