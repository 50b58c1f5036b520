import { CatchUp, type Placed } from './catch-up.js';
import { Emitter } from './emitter.js';
import { errorOf, type ParlorError } from './errors.js';
import type { Http } from './http.js';
import type { Link } from './link.js';
import { Machine } from './machine.js';
import { newId } from './new-id.js';
import { messagesOf } from './messages-of.js';
import { Posts, type Outbox } from './posts.js';
import type * as types from './types.js';
import type { RoomFrame } from './wire.js';

type State =
  | { readonly name: 'idle' }
  | { readonly name: 'joining' }
  | { readonly name: 'joined' }
  /** Unsubscribed, and the server has not said so yet: until then what comes belongs to the old subscription. */
  | { readonly name: 'leaving' }
  | { readonly name: 'refused'; readonly error: ParlorError };
type Event =
  | { readonly type: 'wanted' | 'unwanted' | 'up' | 'down' | 'welcome' | 'due' }
  | { readonly type: 'unsubscribed'; readonly error: ParlorError | null };

/** The status that users see, of each state. */
const STATUS: Readonly<Record<State['name'], types.RoomStatus>> = {
  idle: 'idle',
  joining: 'joining',
  joined: 'joined',
  leaving: 'idle',
  refused: 'refused',
};

/** What a room needs of its connection. */
export interface RoomHost {
  /** The link if it is open, else null. */
  link(): Link | null;
  readonly http: Http;
  readonly outbox: Outbox;
  readonly fillLimit: number;
  readonly requestTimeoutMs: number;
  pauseMs(attempt: number, error: ParlorError): number;
  user(): string | null;
  /** The name to post under over HTTP; undefined: it is in the token. */
  postsAs(): string | undefined;
  /** Calls back when the connection is closed; returns what ends that. */
  onClose(listener: (error: ParlorError | null) => void): () => void;
}

/** Others are told that we are typing at most once in so many ms: the server passes on one a second. */
const TYPING_MS = 2_000;
const IDLE: State = { name: 'idle' };
const JOINING: State = { name: 'joining' };

export class ParlorRoom extends Emitter<types.RoomEvents> implements types.Room {
  members: readonly string[] = [];
  memberCount = 0;
  policy: types.Policy | null = null;
  outgoing: readonly types.OwnMessage[] = [];
  #error: ParlorError | null = null;
  #holders = 0;
  #attempt = 0;
  #typedAt = -Infinity;
  readonly #catchUp: CatchUp;
  readonly #machine: Machine<State, Event>;
  /** For the connection only. */
  readonly posts: Posts;

  constructor(
    readonly id: string,
    private readonly host: RoomHost,
  ) {
    super();
    const path = `/api/events?limit=200&room_id=${encodeURIComponent(id)}`;
    this.#catchUp = new CatchUp({
      tell: (placed) => this.#tell(placed),
      gap: (gap) => this.emit('gap', gap),
      page: (after, signal) => host.http.json(`${path}&after=${after}`, { signal }),
      pauseMs: host.pauseMs,
      limit: host.fillLimit,
    });
    this.posts = new Posts(id, {
      way: () => this.#way(),
      isLive: () => this.status === 'joined' || this.status === 'joining',
      user: host.user,
      overLink: ({ id: post, text }) => host.link()?.send({ type: 'post', room: id, id: post, text }),
      overHttp: async ({ id: post, text }) => {
        const body = { id: post, text, user: host.postsAs() };
        const answer = await host.http.json(this.#path('messages'), { method: 'POST', body });
        return { id: post, seq: (answer as { seq?: number }).seq ?? null };
      },
      pauseMs: host.pauseMs,
      changed: (outgoing) => {
        this.outgoing = outgoing;
        this.emit('outgoing', outgoing);
      },
      outbox: host.outbox,
      timeoutMs: host.requestTimeoutMs,
    });
    this.#machine = this.#createMachine();
  }

  get status(): types.RoomStatus {
    return STATUS[this.#machine.state.name];
  }

  get error(): ParlorError | null {
    return this.#error;
  }

  get seq(): number | null {
    return this.#catchUp.seq;
  }

  join({ since }: { readonly since?: number } = {}): () => void {
    if (this.status === 'idle') this.#catchUp.seq ??= since ?? null;
    if (this.#holders++ === 0) this.#machine.send({ type: 'wanted' });
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#holders--;
      // Whoever leaves and joins in one go, as React does, keeps the seat.
      queueMicrotask(() => {
        if (this.#holders === 0 && this.status !== 'idle') this.#machine.send({ type: 'unwanted' });
      });
    };
  }

  post(text: string, { id = newId() }: { readonly id?: string } = {}): Promise<types.Sent> {
    return this.posts.post(text, id);
  }

  retry(id: string): Promise<types.Sent> {
    return this.posts.retry(id);
  }

  discard(id: string): void {
    this.posts.discard(id);
  }

  typing(): void {
    const now = performance.now();
    if (this.status !== 'joined' || now - this.#typedAt < TYPING_MS) return;
    this.#typedAt = now;
    this.host.link()?.send({ type: 'typing', room: this.id });
  }

  async history({ signal, ...query }: types.HistoryQuery = {}): Promise<types.HistoryPage> {
    const fields = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${value}`],
    );
    const page = await this.host.http.json(`${this.#path('messages')}?${fields.join('&')}`, { signal });
    return page as types.HistoryPage;
  }

  [Symbol.asyncIterator](): AsyncIterator<types.Message> {
    return messagesOf(this, this.host.onClose);
  }

  /** The link is open, or gone again. */
  linked(isUp: boolean): void {
    if (!isUp) {
      this.#catchUp.stop();
      this.posts.linkLost();
    }
    this.#machine.send({ type: isUp ? 'up' : 'down' });
    if (isUp) this.posts.pump();
  }

  receive(frame: RoomFrame): void {
    if (frame.type === 'unsubscribed') {
      const { code, message = '', retry = false, retry_after_ms } = frame;
      const error = code === undefined ? null : errorOf(code, message, retry, retry_after_ms);
      this.#catchUp.stop();
      this.#machine.send({ type: 'unsubscribed', error });
      this.posts.linkLost();
      return this.posts.pump();
    }
    const state = this.#machine.state.name;
    if (state === 'leaving') return;
    if (frame.type === 'welcome') this.#welcome(frame);
    else if (frame.type === 'ack') this.posts.answered(frame);
    else if (frame.type === 'queued') this.posts.answered({ id: frame.id, seq: null });
    else if (frame.type === 'error') {
      const { id, code, message, retry, retry_after_ms } = frame;
      if (id !== undefined) this.posts.refused(id, errorOf(code, message, retry, retry_after_ms));
    } else if ('seq' in frame) this.#catchUp.take(frame);
    else this.#people(frame);
  }

  #welcome({ head_seq, recovered, members, member_count, policy }: RoomFrame & { type: 'welcome' }): void {
    this.policy = policy;
    this.#setMembers(members, member_count);
    this.#machine.send({ type: 'welcome' });
    this.#catchUp.begin(head_seq, recovered);
    this.posts.pump();
  }

  #people(frame: RoomFrame & { type: 'joined' | 'left' | 'typing' | 'members' }): void {
    if (frame.type === 'members') return this.#setMembers(frame.members, frame.member_count);
    const { type, user } = frame;
    if (type === 'typing') {
      if (user !== this.host.user()) this.emit('typing', { user });
      return;
    }
    const others = this.members.filter((name) => name !== user);
    const isNew = others.length === this.members.length;
    // Told twice changes nothing.
    if (isNew === (type === 'joined'))
      this.#setMembers(isNew ? [...others, user] : others, this.memberCount + (isNew ? 1 : -1));
    this.emit(type, { user });
  }

  #setMembers(members: readonly string[], memberCount: number): void {
    this.members = members;
    this.memberCount = memberCount;
    this.emit('members', { members, memberCount });
  }

  #tell(placed: Placed): void {
    for (const { id, room_id, seq, user, text, created_at } of this.posts.passed(placed.seq))
      this.emit('message', { id, room_id, seq: seq ?? 0, user, text, created_at });
    if (placed.type === 'message') {
      const { type: _, room: __, ...message } = placed as typeof placed & { room?: string };
      this.posts.seen(message);
      return this.emit('message', message);
    }
    if ('policy' in placed) {
      this.policy = placed.policy;
      this.#announce();
    }
    this.emit('fact', placed);
  }

  #way(): 'link' | 'http' | null {
    const link = this.host.link();
    const { name } = this.#machine.state;
    if (!link || name === 'joining' || name === 'leaving') return null;
    return name === 'joined' && link.carriesPosts ? 'link' : 'http';
  }

  #path(what: string): string {
    return `/api/rooms/${encodeURIComponent(this.id)}/${what}`;
  }

  #announce(): void {
    this.emit('status', { status: this.status, error: this.#error });
  }

  #createMachine(): Machine<State, Event> {
    const stay = (): null => null;
    const over = ({ error }: Event & { type: 'unsubscribed' }): State =>
      error ? { name: 'refused', error } : IDLE;
    const leave = (): State => (this.host.link() ? { name: 'leaving' } : IDLE);
    const left = (): State => (this.#holders > 0 ? JOINING : IDLE);
    return new Machine<State, Event>(
      IDLE,
      {
        idle: {
          enter: () => {
            this.posts.left();
            return undefined;
          },
          on: { wanted: () => JOINING, up: stay, down: stay },
        },
        joining: {
          enter: () => {
            const since = this.#catchUp.seq;
            this.host.link()?.send({ type: 'subscribe', room: this.id, ...(since !== null && { since }) });
            return undefined;
          },
          on: {
            wanted: stay,
            up: () => JOINING,
            down: stay,
            welcome: () => ({ name: 'joined' }),
            unsubscribed: over,
            unwanted: leave,
          },
        },
        joined: {
          enter: () => {
            this.#attempt = 0;
            return undefined;
          },
          on: { wanted: stay, down: () => JOINING, unsubscribed: over, unwanted: leave },
        },
        leaving: {
          enter: () => {
            this.host.link()?.send({ type: 'unsubscribe', room: this.id });
            return undefined;
          },
          on: { wanted: stay, unwanted: stay, unsubscribed: left, down: left },
        },
        refused: {
          enter: ({ error }) => {
            this.posts.left();
            if (!error.retry) return undefined;
            const timer = setTimeout(
              () => this.#machine.send({ type: 'due' }),
              this.host.pauseMs(this.#attempt++, error),
            );
            return () => clearTimeout(timer);
          },
          on: {
            wanted: () => JOINING,
            unwanted: () => IDLE,
            due: () => JOINING,
            up: stay,
            down: (_, { error }) => (error.retry ? JOINING : null),
          },
        },
      },
      (state) => {
        this.#error = state.name === 'refused' ? state.error : null;
        this.#announce();
      },
    );
  }
}
