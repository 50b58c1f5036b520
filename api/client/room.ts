import { createCatchUp, type Placed } from './catch-up.js';
import { createEmitter } from './emitter.js';
import { errorOf, type Failure, type ParlorError } from './errors.js';
import type { Http } from './http.js';
import type { Link } from './link.js';
import { messagesOf } from './messages-of.js';
import { newId } from './new-id.js';
import type { Outbox } from './outbox.js';
import { createPosts } from './posts.js';
import { createSeat } from './seat.js';
import type { OwnMessage, Policy, Room, RoomEvents, StoredPost } from './types.js';
import type { RoomFrame } from './wire.js';

/** What a room needs of its connection. */
export interface RoomHost {
  /** The link if it is open, else null. */
  link(): Link | null;
  /** Whether posts of an earlier page are known: until then no newer one may overtake them. */
  isReady(): boolean;
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

/** A room as its connection sees it. */
export interface HostedRoom {
  readonly room: Room;
  receive(frame: RoomFrame): void;
  /** The link is open, or gone again. */
  linked(isUp: boolean): void;
  restore(post: StoredPost): void;
  pump(): void;
  /** The connection is closed. */
  close(): void;
}

/** Others are told that we are typing at most once in so many ms: the server passes on one a second. */
const TYPING_MS = 2_000;

export function createRoom(id: string, host: RoomHost): HostedRoom {
  const { on, off, emit } = createEmitter<RoomEvents>();
  const { http, link, pauseMs } = host;
  const name = encodeURIComponent(id);
  let members: readonly string[] = [];
  let memberCount = 0;
  let policy: Policy | null = null;
  let outgoing: readonly OwnMessage[] = [];
  let typedAt = -Infinity;

  const catchUp = createCatchUp({
    tell,
    gap: (gap) => emit('gap', gap),
    page: (after, signal) => http.json(`/api/events?limit=200&room_id=${name}&after=${after}`, { signal }),
    pauseMs,
    limit: host.fillLimit,
  });
  const seat = createSeat({
    subscribe() {
      const { seq } = catchUp;
      link()?.send({ type: 'subscribe', room: id, ...(seq !== null && { since: seq }) });
    },
    unsubscribe: () => link()?.send({ type: 'unsubscribe', room: id }),
    isLinked: () => link() !== null,
    pauseMs,
    changed() {
      if (seat.status() !== 'joined' && seat.status() !== 'joining') posts.left();
      announce();
    },
  });
  const posts = createPosts({
    room: id,
    outbox: host.outbox,
    timeoutMs: host.requestTimeoutMs,
    way() {
      const now = link();
      if (!now || !host.isReady() || !seat.isSettled()) return null;
      return seat.status() === 'joined' && now.carriesPosts ? 'link' : 'http';
    },
    isLive: () => seat.status() === 'joined' || seat.status() === 'joining',
    user: host.user,
    overLink: ({ id: post, text }) => link()?.send({ type: 'post', room: id, id: post, text }),
    async overHttp({ id: post, text }) {
      const body = { id: post, text, user: host.postsAs() };
      const { seq = null } = (await http.json(`/api/rooms/${name}/messages`, { body })) as { seq?: number };
      return { id: post, seq };
    },
    pauseMs,
    changed(all) {
      outgoing = all;
      emit('outgoing', all);
    },
  });

  function announce(): void {
    emit('status', { status: room.status, error: room.error });
  }

  function tell(placed: Placed): void {
    for (const { id, room_id, seq, user, text, created_at } of posts.passed(placed.seq))
      emit('message', { id, room_id, seq: seq ?? 0, user, text, created_at });
    if (placed.type === 'message') {
      const { id, room_id, seq, user, text, created_at } = placed;
      posts.seen(placed);
      return emit('message', { id, room_id, seq, user, text, created_at });
    }
    if ('policy' in placed) {
      policy = placed.policy;
      announce();
    }
    emit('fact', placed);
  }

  function setMembers(names: readonly string[], count: number): void {
    members = names;
    memberCount = count;
    emit('members', { members, memberCount });
  }

  function cameOrWent(type: 'joined' | 'left', user: string): void {
    const others = members.filter((one) => one !== user);
    const isNew = others.length === members.length;
    // Told twice changes nothing.
    if (isNew === (type === 'joined'))
      setMembers(isNew ? [...others, user] : others, memberCount + (isNew ? 1 : -1));
    emit(type, { user });
  }

  function unsubscribed(failure: Partial<Failure>): void {
    catchUp.stop();
    seat.unsubscribed(failure.code === undefined ? null : errorOf(failure as Failure));
    posts.linkLost();
    posts.pump();
  }

  function receive(frame: RoomFrame): void {
    if (frame.type === 'unsubscribed') return unsubscribed(frame);
    // What comes until the server has unsubscribed us is of the old subscription.
    if (seat.isLeaving()) return;
    switch (frame.type) {
      case 'welcome':
        policy = frame.policy;
        setMembers(frame.members, frame.member_count);
        seat.welcome();
        catchUp.begin(frame.head_seq, frame.recovered);
        return posts.pump();
      case 'ack':
        return posts.answered(frame);
      case 'queued':
        return posts.answered({ id: frame.id, seq: null });
      case 'error':
        if (frame.id !== undefined) posts.refused(frame.id, errorOf(frame));
        return;
      case 'members':
        return setMembers(frame.members, frame.member_count);
      case 'joined':
      case 'left':
        return cameOrWent(frame.type, frame.user);
      case 'typing':
        if (frame.user !== host.user()) emit('typing', { user: frame.user });
        return;
      default:
        // A kind of frame that a newer server has is not for us.
        if ('seq' in frame) catchUp.take(frame);
    }
  }

  const room: Room = {
    id,
    on,
    off,
    get status() {
      return seat.status();
    },
    get error() {
      return seat.error();
    },
    get members() {
      return members;
    },
    get memberCount() {
      return memberCount;
    },
    get policy() {
      return policy;
    },
    get seq() {
      return catchUp.seq;
    },
    get outgoing() {
      return outgoing;
    },
    join({ since } = {}) {
      if (seat.status() === 'idle') catchUp.seq ??= since ?? null;
      return seat.hold();
    },
    post: (text, { id: post = newId() } = {}) => posts.post(text, post),
    retry: posts.retry,
    discard: posts.discard,
    typing() {
      const now = performance.now();
      if (seat.status() !== 'joined' || now - typedAt < TYPING_MS) return;
      typedAt = now;
      link()?.send({ type: 'typing', room: id });
    },
    async history({ signal, ...query } = {}) {
      const fields = Object.entries(query).map(([field, value]) => `${field}=${value}`);
      const page = await http.json(`/api/rooms/${name}/messages?${fields.join('&')}`, { signal });
      return page as Awaited<ReturnType<Room['history']>>;
    },
    [Symbol.asyncIterator]: () => messagesOf(room, host.onClose),
  };

  return {
    room,
    receive,
    linked(isUp) {
      if (!isUp) {
        catchUp.stop();
        posts.linkLost();
      }
      seat.linked(isUp);
      if (isUp) posts.pump();
    },
    restore: posts.restore,
    pump: posts.pump,
    close: posts.close,
  };
}
