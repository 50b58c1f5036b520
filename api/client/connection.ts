import { backoffMs } from './backoff.js';
import { Emitter, report } from './emitter.js';
import { NetworkError, ParlorError } from './errors.js';
import { startHeartbeat, type Heartbeat } from './heartbeat.js';
import { Http } from './http.js';
import type { Link, LinkEvents } from './link.js';
import { Machine } from './machine.js';
import { Outbox } from './posts.js';
import { ParlorRoom, type RoomHost } from './room.js';
import type { Settings } from './settings.js';
import { openStreams } from './sse.js';
import { statusOf, type Event, type State, type Via } from './states.js';
import { refreshInMs } from './token.js';
import type { Connection, ConnectionEvents, Room, Status } from './types.js';
import { onWake } from './wake.js';
import { openWebSocket } from './websocket.js';
import type { RoomFrame } from './wire.js';

/** Who was connected for so long had no trouble with connecting: the pauses start from the shortest again, ms. */
const SETTLED_MS = 5_000;
/** Where WebSockets never opened, they are tried again at a reconnect after so long, ms: the network may be another one. */
const RETRY_WEBSOCKET_MS = 300_000;
/** A new token could not be had: asked again after so long, while the old one still holds, ms. */
const TOKEN_RETRY_MS = 5_000;

export class ParlorConnection extends Emitter<ConnectionEvents> implements Connection {
  user: string | null;
  resume: string | null;
  error: ParlorError | null = null;
  #told = '';
  #wasConnected = false;
  #isLong = false;
  #longTimer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  /** How often in a row the server has refused a token. */
  #refusals = 0;
  #openedAt = 0;
  #token: string | null;
  /** WebSockets have opened once: then a failure is one of the network, and not of the transport. */
  #hasWebSockets = false;
  #sseUntil = 0;
  #heartbeat: Heartbeat | null = null;
  #isLoaded = false;
  readonly #rooms = new Map<string, ParlorRoom>();
  readonly #closers = new Set<(error: ParlorError | null) => void>();
  readonly #http: Http;
  readonly #outbox: Outbox;
  readonly #machine: Machine<State, Event>;
  readonly #host: RoomHost;

  constructor(private readonly settings: Settings) {
    super();
    const { user, token, resume, fetch, base, requestTimeoutMs } = settings;
    this.user = user;
    this.resume = resume;
    this.#token = token;
    this.#http = new Http({
      fetch,
      base,
      timeoutMs: requestTimeoutMs,
      token: () => this.#token,
      renew: async (refused) =>
        this.#token === refused && settings.getToken ? this.#newToken() : this.#token,
    });
    this.#outbox = new Outbox(settings.outboxLimit, settings.outbox);
    this.#host = {
      link: () => this.#link(),
      http: this.#http,
      outbox: this.#outbox,
      fillLimit: settings.fillLimit,
      requestTimeoutMs,
      pauseMs: (attempt, { retryAfterMs }) => backoffMs(attempt, settings.pauses, retryAfterMs),
      user: () => this.user,
      // With a token the name is in it.
      postsAs: () => (this.#token === null ? (this.user ?? undefined) : undefined),
      onClose: (listener) => {
        this.#closers.add(listener);
        return () => this.#closers.delete(listener);
      },
    };
    this.#machine = this.#createMachine();
  }

  get status(): Status {
    return statusOf(this.#machine.state.name, { wasConnected: this.#wasConnected, isLong: this.#isLong });
  }

  get transport(): Via | null {
    const { state } = this.#machine;
    return state.name === 'open' ? state.via : null;
  }

  room(id: string): Room {
    return this.#room(id);
  }

  open(): void {
    this.#machine.send({ type: 'open' });
  }

  close(): void {
    this.#machine.send({ type: 'close' });
  }

  #room(id: string): ParlorRoom {
    let room = this.#rooms.get(id);
    if (!room) this.#rooms.set(id, (room = new ParlorRoom(id, this.#host)));
    return room;
  }

  #link(): Link | null {
    const { state } = this.#machine;
    return state.name === 'open' ? state.link : null;
  }

  async #newToken(): Promise<string | null> {
    const { getToken, connectTimeoutMs } = this.settings;
    if (!getToken) return this.#token;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new NetworkError('getToken took too long', 'timeout')),
        connectTimeoutMs,
      );
    });
    try {
      this.#token = await Promise.race([getToken(), late]);
      return this.#token;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Posts that an earlier life of the page has left. */
  async #load(): Promise<void> {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    try {
      for (const post of await this.#outbox.load()) {
        const { posts } = this.#room(post.room_id);
        posts.restore(post);
        posts.pump();
      }
    } catch (error) {
      report(error);
    }
  }

  /** The transports to try, in order. */
  #ways(): readonly [Via, ...Via[]] {
    const { transports } = this.settings;
    const [first, ...rest] = transports;
    if (this.#hasWebSockets && transports.includes('websocket')) return ['websocket'];
    if (Date.now() < this.#sseUntil) return ['sse'];
    return [first, ...rest];
  }

  #start(via: Via, token: string | null, events: LinkEvents): Link {
    const { base, fetch, WebSocket, user, heartbeatMs, pongTimeoutMs } = this.settings;
    const identity = { user, token, resume: this.resume };
    if (via === 'websocket' && WebSocket) return openWebSocket(base, WebSocket, identity, events);
    return openStreams(base, identity, { fetch, silenceMs: heartbeatMs + pongTimeoutMs }, events);
  }

  #receive(frame: RoomFrame): void {
    // Over SSE a room's welcome is where a guest learns its name.
    if (frame.type === 'welcome') this.#identify(frame.user, frame.resume ?? null);
    this.#rooms.get(frame.room)?.receive(frame);
  }

  #identify(user: string | null, resume: string | null): void {
    this.user = user ?? this.user;
    this.resume = resume ?? this.resume;
    this.#announce();
  }

  /** What comes after an attempt, or a connection, that has ended. */
  #after(error: ParlorError): State {
    const isOurs = error.code === 'unauthorized' && this.settings.getToken !== undefined;
    // A new token that is refused as well: no third one would be better.
    if (isOurs ? ++this.#refusals > 2 : !error.retry) return { name: 'closed', error };
    const ms = backoffMs(this.#attempt++, this.settings.pauses, error.retryAfterMs);
    return { name: 'waiting', ms, isAsked: error.retryAfterMs !== null, error };
  }

  #createMachine(): Machine<State, Event> {
    const stay = (): null => null;
    const closed = (): State => ({ name: 'closed', error: null });
    const again = (): State => ({ name: 'authorizing' });
    return new Machine<State, Event>(
      closed(),
      {
        closed: {
          enter: ({ error }) => this.#enterClosed(error),
          on: { open: again, close: stay },
        },
        authorizing: {
          enter: () => this.#enterAuthorizing(),
          on: {
            token: ({ token }) => ({ name: 'opening', via: this.#ways(), token }),
            denied: ({ error }) => this.#after(error),
            open: stay,
            wake: stay,
            close: closed,
          },
        },
        opening: {
          enter: (state) => this.#enterOpening(state),
          on: {
            opened: ({ link }, { via: [via], token }) => ({ name: 'open', via, link, token }),
            ended: ({ error }, { via: [, next, ...rest], token }) =>
              next && error instanceof NetworkError
                ? { name: 'opening', via: [next, ...rest], token }
                : this.#after(error),
            open: stay,
            wake: stay,
            close: closed,
          },
        },
        open: {
          enter: (state) => this.#enterOpen(state),
          on: {
            ended: ({ error }) => this.#after(error),
            wake: () => {
              this.#heartbeat?.wake();
              return null;
            },
            open: stay,
            close: closed,
          },
        },
        waiting: {
          enter: ({ ms }) => {
            const timer = setTimeout(() => this.#machine.send({ type: 'due' }), ms);
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
      (state) => this.#changed(state),
    );
  }

  #undoWake: (() => void) | undefined;

  #enterClosed(error: ParlorError | null): undefined {
    this.#undoWake?.();
    this.#undoWake = undefined;
    this.#http.close();
    for (const { posts } of this.#rooms.values()) posts.close();
    this.#wasConnected = false;
    this.#attempt = this.#refusals = 0;
    for (const listener of [...this.#closers]) listener(error);
    return undefined;
  }

  #enterAuthorizing(): () => void {
    let isOver = false;
    this.#undoWake ??= onWake(() => this.#machine.send({ type: 'wake' }));
    if (this.settings.getToken)
      this.#newToken().then(
        (token) => isOver || this.#machine.send({ type: 'token', token }),
        (error: unknown) => {
          if (isOver) return;
          const known = error instanceof ParlorError ? error : new NetworkError(`getToken: ${String(error)}`);
          this.#machine.send({ type: 'denied', error: known });
        },
      );
    else this.#machine.send({ type: 'token', token: this.#token });
    return () => {
      isOver = true;
    };
  }

  #enterOpening({ via, token }: State & { name: 'opening' }): () => void {
    const { connectTimeoutMs, fallbackAfterMs } = this.settings;
    const [first, ...rest] = via;
    let isOpen = false;
    const ended = (error: ParlorError): void => this.#machine.send({ type: 'ended', error });
    let link: Link | null = null;
    try {
      link = this.#start(first, token, {
        opened: (user, resume) => {
          isOpen = true;
          this.#hasWebSockets ||= first === 'websocket';
          if (first === 'sse') this.#sseUntil = Date.now() + RETRY_WEBSOCKET_MS;
          this.#identify(user, resume);
          if (link) this.#machine.send({ type: 'opened', link });
        },
        frame: (frame) => this.#receive(frame),
        heard: () => this.#heartbeat?.heard(),
        refreshed: () => undefined,
        ended,
      });
    } catch (error) {
      // The address, or a token that no header can carry.
      ended(new ParlorError('bad_request', String(error), false));
    }
    const limitMs = rest.length > 0 ? Math.min(fallbackAfterMs, connectTimeoutMs) : connectTimeoutMs;
    const timer = setTimeout(() => ended(new NetworkError('no connection in time', 'timeout')), limitMs);
    return () => {
      clearTimeout(timer);
      // Once it is open, the next state has it.
      if (!isOpen) link?.close();
    };
  }

  #enterOpen({ link, token }: State & { name: 'open' }): () => void {
    const { heartbeatMs, pongTimeoutMs } = this.settings;
    const heartbeat = startHeartbeat({
      everyMs: heartbeatMs,
      patienceMs: pongTimeoutMs,
      probe: (afterSleep) => link.probe(afterSleep),
      dead: () =>
        this.#machine.send({ type: 'ended', error: new NetworkError('the link is dead', 'timeout') }),
    });
    this.#heartbeat = heartbeat;
    this.#wasConnected = true;
    this.#openedAt = Date.now();
    const stopRefreshing = this.#keepFresh(link, token);
    void this.#load();
    for (const room of this.#rooms.values()) room.linked(true);
    return () => {
      if (Date.now() - this.#openedAt >= SETTLED_MS) this.#attempt = this.#refusals = 0;
      stopRefreshing();
      heartbeat.stop();
      this.#heartbeat = null;
      link.close();
      for (const room of this.#rooms.values()) room.linked(false);
    };
  }

  /** Asks for a new token before this one expires, as long as the link is open. */
  #keepFresh(link: Link, first: string | null): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const plan = (token: string | null): void => {
      const ms = token === null || !this.settings.getToken ? null : refreshInMs(token, Date.now());
      if (ms !== null) timer = setTimeout(() => void renew(), ms);
    };
    const renew = async (): Promise<void> => {
      try {
        const token = await this.#newToken();
        if (isOver || token === null) return;
        link.send({ type: 'refresh', token });
        if (!isOver) plan(token);
      } catch {
        // It still holds; when it has expired, the server ends the connection, which asks again.
        if (!isOver) timer = setTimeout(() => void renew(), TOKEN_RETRY_MS);
      }
    };
    plan(first);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }

  #changed(state: State): void {
    this.error =
      state.name === 'closed' || state.name === 'waiting'
        ? state.error
        : state.name === 'open'
          ? null
          : this.error;
    if (state.name === 'open' || state.name === 'closed') {
      clearTimeout(this.#longTimer);
      this.#longTimer = undefined;
      this.#isLong = false;
    } else
      this.#longTimer ??= setTimeout(() => {
        this.#isLong = true;
        this.#announce();
      }, this.settings.lostAfterMs);
    this.#announce();
  }

  /** Tells what has changed, if something has. */
  #announce(): void {
    const { status, error, user, transport } = this;
    const now = [status, error?.message, user, transport].join('\n');
    if (now === this.#told) return;
    this.#told = now;
    this.emit('status', { status, error });
  }
}
