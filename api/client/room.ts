import { createCatchUp, type Placed } from './catch-up.js';
import { createEmitter } from './emitter.js';
import { errorOf, type Failure } from './errors.js';
import type { RoomHost } from './host.js';
import { messagesOf } from './messages-of.js';
import { newId } from './new-id.js';
import { createPosts } from './posts.js';
import { createSeat, type SeatEvent } from './seat.js';
import type { Message, OwnMessage, Policy, Room, RoomEvents, RoomStatus, StoredPost } from './types.js';
import type { RoomFrame } from './wire.js';

/** A room as its connection sees it. */
export interface HostedRoom {
  readonly room: Room;
  readonly receive: (frame: RoomFrame) => void;
  /** The link is open, or gone again. */
  readonly linked: (isUp: boolean) => void;
  readonly restore: (post: StoredPost) => void;
  readonly pump: () => void;
  /** The connection is closed. */
  readonly close: () => void;
}

/** Others are told that we are typing at most once in so many ms: the server passes on one a second. */
const TYPING_MS = 2_000;

export function createRoom(id: string, host: RoomHost): HostedRoom {
  const { on, off, emit } = createEmitter<RoomEvents>();
  const { http, link } = host;
  const name = encodeURIComponent(id);
  let members: readonly string[] = [];
  let memberCount = 0;
  let policy: Policy | null = null;
  let outgoing: readonly OwnMessage[] = [];
  let typedAt = -Infinity;

  const catchUp = createCatchUp(host, {
    tell,
    gap: (gap) => emit('gap', gap),
    page: (after, signal) => http.json(`/api/events?limit=200&room_id=${name}&after=${after}`, { signal }),
  });
  const seat = createSeat(host, {
    subscribe: () => link()?.send({ type: 'subscribe', room: id, since: catchUp.seq ?? undefined }),
    unsubscribe: () => link()?.send({ type: 'unsubscribe', room: id }),
    changed() {
      if (!isIn()) posts.left();
      announce();
    },
  });
  const posts = createPosts(host, {
    room: id,
    way() {
      const now = link();
      const { name: state } = seat.state();
      if (!now || !host.isReady() || state === 'joining' || state === 'leaving') return null;
      return state === 'joined' && now.carriesPosts ? 'link' : 'http';
    },
    isLive: isIn,
    overLink: (post, text) => link()?.send({ type: 'post', room: id, id: post, text }),
    async overHttp(post, text) {
      const body = { id: post, text, user: host.postsAs() };
      const { seq = null } = (await http.json(`/api/rooms/${name}/messages`, { body })) as { seq?: number };
      return { id: post, seq };
    },
    changed(all) {
      outgoing = all;
      emit('outgoing', all);
    },
  });

  function status(): RoomStatus {
    const { name: state } = seat.state();
    return state === 'leaving' ? 'idle' : state;
  }

  /** Whether what is posted comes back, now or when there is a link. */
  function isIn(): boolean {
    return status() === 'joined' || status() === 'joining';
  }

  function announce(): void {
    emit('status', { status: room.status, error: room.error });
  }

  function tell(placed: Placed): void {
    for (const own of posts.passed(placed.seq)) emit('message', messageOf(own));
    if (placed.type === 'message') {
      posts.seen(placed);
      return emit('message', messageOf(placed));
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

  /** The link or the subscription has begun or ended: what was under way over it is void. */
  function step(event: SeatEvent): void {
    catchUp.stop();
    posts.linkLost();
    seat.send(event);
    posts.pump();
  }

  function receive(frame: RoomFrame): void {
    if (frame.type === 'unsubscribed') {
      const error = frame.code ? errorOf(frame as Failure) : null;
      return step({ type: 'unsubscribed', error });
    }
    // What comes until the server has unsubscribed us is of the old subscription.
    if (seat.state().name === 'leaving') {
      // Perhaps of our unsubscribe.
      if (frame.type === 'error') seat.send({ type: 'unsubscribed', error: errorOf(frame) });
      return;
    }
    switch (frame.type) {
      case 'welcome':
        policy = frame.policy;
        setMembers(frame.members, frame.member_count);
        seat.send({ type: 'welcome' });
        catchUp.begin(frame.head_seq, frame.recovered);
        return posts.pump();
      case 'ack':
        return posts.answered(frame);
      case 'queued':
        return posts.answered({ id: frame.id, seq: null });
      case 'error':
        if (frame.id) posts.refused(frame.id, errorOf(frame));
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
      return status();
    },
    get error() {
      const state = seat.state();
      return state.name === 'refused' ? state.error : null;
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
      if (status() === 'idle') catchUp.seq ??= since ?? null;
      return seat.hold();
    },
    post: (text, { id: post = newId() } = {}) => posts.post(text, post),
    retry: posts.retry,
    discard: posts.discard,
    typing() {
      const now = performance.now();
      if (status() !== 'joined' || now - typedAt < TYPING_MS) return;
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
    linked: (isUp) => step({ type: isUp ? 'up' : 'down' }),
    restore: posts.restore,
    pump: posts.pump,
    close: posts.close,
  };
}

/** Without what belongs to the frame, or to the outbox. */
function messageOf({ id, room_id, seq, user, text, created_at }: OwnMessage | Message): Message {
  return { id, room_id, seq: seq ?? 0, user, text, created_at };
}
