import type { ParlorError } from './errors.js';

/** A message as it is on the wire: ordered and stored. */
export interface Message {
  readonly id: string;
  readonly room_id: string;
  /** Its place in the room. Seqs ascend; other facts of the room have one too, so messages alone may skip some. */
  readonly seq: number;
  /** null: a service posted it under no name. */
  readonly user: string | null;
  readonly text: string;
  /** RFC 3339, by the server's clock. */
  readonly created_at: string;
}

/** A message of ours that has not come back from the room yet. */
export interface OwnMessage {
  readonly id: string;
  readonly room_id: string;
  /** Known once it is `sent`; null while it is not, and if the server has queued it only. */
  readonly seq: number | null;
  readonly user: string | null;
  readonly text: string;
  /** RFC 3339, by this machine's clock. */
  readonly created_at: string;
  /**
   * `sending`: in the outbox, repeated with the same id until it is answered. `sent`: the server has it, and it leaves
   * `room.outgoing` when it comes back as a message. `failed`: refused for good; `error` says why.
   */
  readonly state: 'sending' | 'sent' | 'failed';
  readonly error: ParlorError | null;
}

/** What `post` resolves with. `seq` is null if the message is durably queued, but has no place yet. */
export interface Sent {
  readonly id: string;
  readonly seq: number | null;
}

/** What a room allows; see "Room policy" in Parlor's README. */
export interface Policy {
  readonly capacity: number | null;
  readonly creation: 'on_demand' | 'explicit';
  readonly deletion: 'manual' | 'when_empty' | 'never';
  readonly grace_ms: number;
  readonly idle_ms: number;
  readonly deliver_alone: boolean;
  readonly post: 'members' | 'anyone';
  readonly post_interval_ms?: number;
  readonly retention: { readonly max_messages?: number; readonly max_age_s?: number } | null;
}

/** A fact of a room that is no message, and has a seq like one. */
export type Fact =
  | {
      readonly type: 'room_opened' | 'policy_changed';
      readonly seq: number;
      readonly at: string;
      readonly policy: Policy;
    }
  | { readonly type: 'member_kicked'; readonly seq: number; readonly at: string; readonly user: string }
  | { readonly type: 'room_closed'; readonly seq: number; readonly at: string };

/**
 * How the connection is.
 * `connecting`: for the first time. `reconnecting`: it was connected, and will be again in a moment. `lost`: either takes
 * longer than `lostAfterMs`; it is still being tried. `closed`: by `close()`, or for good: then `error` says why.
 */
export type Status = 'connecting' | 'connected' | 'reconnecting' | 'lost' | 'closed';

/**
 * How a room is.
 * `idle`: nobody here has joined it. `joining`: it is being subscribed, or waits for the connection. `joined`: live.
 * `refused`: not let in, or thrown out. Then `error` says why; with `error.retry` it is tried again by itself.
 */
export type RoomStatus = 'idle' | 'joining' | 'joined' | 'refused';

export interface ConnectionEvents {
  /** The status, the error or the user have changed. */
  status: { readonly status: Status; readonly error: ParlorError | null };
}

export interface RoomEvents {
  /** Each message once, in the order of the room, with those that were missed while the connection was down. */
  message: Message;
  /** A fact that is no message: opened, policy changed, somebody kicked, closed. In order with the messages. */
  fact: Fact;
  /** `outgoing` has changed. */
  outgoing: readonly OwnMessage[];
  /** The members or their number have changed. */
  members: { readonly members: readonly string[]; readonly memberCount: number };
  joined: { readonly user: string };
  left: { readonly user: string };
  /** Somebody else is typing: told about once a second while it lasts. */
  typing: { readonly user: string };
  /**
   * Messages between these two seqs were missed and are not told: forgotten by the server, more than `fillLimit`, or not
   * ours to read. `history({ before })` shows what there still is.
   */
  gap: { readonly after: number; readonly before: number };
  /** The status, the error or the policy have changed. */
  status: { readonly status: RoomStatus; readonly error: ParlorError | null };
}

/**
 * Typed events. A listener that throws is reported as an uncaught error; the others are still called.
 * Listeners are called in the order in which they came, and one that was added twice once.
 */
export interface Events<E> {
  /** Returns what takes the listener away again. */
  readonly on: <K extends keyof E>(name: K, listener: (event: E[K]) => void) => () => void;
  readonly off: <K extends keyof E>(name: K, listener: (event: E[K]) => void) => void;
}

/** One server, one user, any number of rooms. */
export interface Connection extends Events<ConnectionEvents> {
  readonly status: Status;
  /** Why it is closed, or what the last attempt to connect failed for; null: nothing is wrong. */
  readonly error: ParlorError | null;
  /** Our name in the rooms; null until the server has told a guest. */
  readonly user: string | null;
  /** A guest's secret: give it to `connect` as `resume`, for example after a reload, to keep name and seat. */
  readonly resume: string | null;
  readonly transport: 'websocket' | 'sse' | null;
  /** The same object for the same id. Has no effect yet: see `Room.join`. */
  readonly room: (id: string) => Room;
  /** Connects; `connect` has done so already unless it was `lazy`. Also after `close`, and after it was closed for good. */
  readonly open: () => void;
  /** Gives up the seats and the connection. Nothing goes on in the background; the outbox keeps what is unanswered. */
  readonly close: () => void;
}

/** A page of history: messages ascending by seq. `next` as `before` (or `after`) gives the next page; null: the last. */
export interface HistoryPage {
  readonly messages: readonly Message[];
  readonly next: number | null;
}

export interface HistoryQuery {
  /** Only messages with a smaller seq, the newest of them. */
  readonly before?: number;
  /** Only messages with a greater seq, the oldest of them. */
  readonly after?: number;
  /** 1–200. Default: 50. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/**
 * A room. Its properties are snapshots: a list is replaced when it changes, never changed in place.
 *
 * `for await (const message of room)` joins the room, and yields each message from then on. It ends when the connection is
 * closed, and throws the `error` if that or the room is over for good.
 */
export interface Room extends Events<RoomEvents>, AsyncIterable<Message> {
  readonly id: string;
  readonly status: RoomStatus;
  readonly error: ParlorError | null;
  /** Names; large rooms do not tell them all, `memberCount` is exact. */
  readonly members: readonly string[];
  readonly memberCount: number;
  /** null until joined for the first time. */
  readonly policy: Policy | null;
  /** The last seq that was told here; null until joined. Messages up to it are `history({ before: seq + 1 })`. */
  readonly seq: number | null;
  /** Our messages that have not come back from the room, in the order in which they were posted. */
  readonly outgoing: readonly OwnMessage[];
  /**
   * Joins the room until what it returns is called; then the seat is given up. Who calls it twice has to leave twice.
   * `since`: the last seq known from before; what came after it is told first. Has no effect if the room is joined.
   */
  readonly join: (options?: { readonly since?: number }) => () => void;
  /**
   * Posts, joined or not. Resolves when the server has the message, however often the connection breaks meanwhile; rejects
   * with a ParlorError when it is refused for good, or the outbox is full (`OutboxFullError`). Messages of a room arrive in
   * the order in which they were posted. `id`: a UUID of your own.
   */
  readonly post: (text: string, options?: { readonly id?: string }) => Promise<Sent>;
  /** Tries a failed message again. */
  readonly retry: (id: string) => Promise<Sent>;
  /** Takes a failed message, or one that is not sent yet, out of the outbox. What is under way already may still arrive. */
  readonly discard: (id: string) => void;
  /** Call it on each key: told to the others once every few seconds, and only while connected. */
  readonly typing: () => void;
  /** A page of history over HTTP: the newest, or as the query says. Rejects with a ParlorError. */
  readonly history: (query?: HistoryQuery) => Promise<HistoryPage>;
}

/** What the outbox keeps of a post over a reload. */
export interface StoredPost {
  readonly id: string;
  readonly room_id: string;
  readonly text: string;
  readonly created_at: string;
}

/** Where unanswered posts are kept over a reload; `indexedDbOutbox` is one. What it rejects with is reported. */
export interface OutboxStore {
  /** In the order in which they were put. */
  load(): Promise<readonly StoredPost[]>;
  put(post: StoredPost): Promise<void>;
  delete(id: string): Promise<void>;
}

/** A socket as browsers and the package `ws` make them. */
export interface SocketLike {
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}
export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

export interface ConnectOptions {
  /** With AUTH=off: the name to be known by. Left out: a guest with a name from the server. */
  readonly user?: string;
  /** With AUTH=jwt: a token. When it has expired, the connection is closed with an UnauthorizedError. */
  readonly token?: string;
  /**
   * With AUTH=jwt: where tokens come from. Asked at each (re)connect, before the token in use expires, and when the server
   * refuses it. While it rejects, connecting is tried again later; reject with a ParlorError whose `retry` is false to give up.
   */
  readonly getToken?: () => string | Promise<string>;
  /** A guest's secret from before. */
  readonly resume?: string;
  /** Do not connect before `open()`. */
  readonly lazy?: boolean;
  /** The transports to use, in this order. Default: WebSocket, then SSE where WebSockets never open. */
  readonly transports?: readonly ('websocket' | 'sse')[];
  /** The constructor of WebSockets, for Node < 22: `import { WebSocket } from 'ws'`. Default: the global one; without it, SSE. */
  readonly WebSocket?: SocketConstructor;
  readonly fetch?: typeof fetch;
  /** Where unanswered posts are kept over a reload. Default: nowhere. */
  readonly outbox?: OutboxStore;
  /** How many posts may wait for an answer. Default: 100. */
  readonly outboxLimit?: number;
  /** How many missed messages of a room are fetched over HTTP, if the server does not send so many. Default: 5,000. */
  readonly fillLimit?: number;
  /** `lost` is told when there is no connection for so long, ms. Default: 10,000. */
  readonly lostAfterMs?: number;
  /** A silent link is tried with a ping after so long, ms. Default: 25,000. */
  readonly heartbeatMs?: number;
  /** The link is dead if nothing comes for so long after a ping, ms; after a sleep at most 3,000. Default: 8,000. */
  readonly pongTimeoutMs?: number;
  /** An attempt to connect may take so long, ms. Default: 10,000; before SSE is tried, 1,500. */
  readonly connectTimeoutMs?: number;
  /** A request over HTTP may take so long, ms. Default: 15,000. */
  readonly requestTimeoutMs?: number;
  /** The pause before the n-th attempt is random up to minBackoffMs × 2ⁿ, at most maxBackoffMs. Default: 250. */
  readonly minBackoffMs?: number;
  /** Default: 30,000. */
  readonly maxBackoffMs?: number;
}
