import { ClosedError, passing, timeout, type ParlorError } from './errors.js';
import type { RoomHost } from './host.js';
import type { OwnMessage, Sent, StoredPost } from './types.js';

/** What a room does for its posts. */
export interface PostOffice {
  readonly room: string;
  /** How a post can go now; null: not yet, and `pump` will be called. */
  readonly way: () => 'link' | 'http' | null;
  /** Whether what was posted comes back, as a message. */
  readonly isLive: () => boolean;
  readonly overLink: (id: string, text: string) => void;
  readonly overHttp: (id: string, text: string) => Promise<Sent>;
  readonly changed: (posts: readonly OwnMessage[]) => void;
}

/** The posts of one room. */
export interface Posts {
  readonly post: (text: string, id: string) => Promise<Sent>;
  /** A post from before a reload. Call `pump` later. */
  readonly restore: (post: StoredPost) => void;
  readonly retry: (id: string) => Promise<Sent>;
  readonly discard: (id: string) => void;
  /** Sends the next one, if that is possible now. */
  readonly pump: () => void;
  /** The server has it. */
  readonly answered: (sent: Sent) => void;
  readonly refused: (id: string, error: ParlorError) => void;
  /** A message of this room has come. */
  readonly seen: (message: { readonly id: string; readonly seq: number }) => void;
  /** Ours that have a place before this seq: the room does not send them (`deliver_alone`). They are taken out. */
  readonly passed: (before: number) => readonly OwnMessage[];
  /** The link is gone, and with it the answer of what was under way over it. */
  readonly linkLost: () => void;
  /** Nobody listens any more: what is sent does not come back. */
  readonly left: () => void;
  /** What is unanswered stays, but nobody waits for it any more. */
  readonly close: () => void;
}

interface Entry {
  message: OwnMessage;
  attempt: number;
  readonly waiting: {
    readonly resolve: (sent: Sent) => void;
    readonly reject: (error: ParlorError) => void;
  }[];
}

/**
 * One post at a time is under way: so they arrive in the order in which they were posted, also if one has to be repeated.
 * Each is repeated with the same id until it is answered, since the server makes one message of them.
 */
export function createPosts(
  host: Pick<RoomHost, 'outbox' | 'pauseMs' | 'requestTimeoutMs' | 'user'>,
  office: PostOffice,
): Posts {
  const { outbox } = host;
  let entries: readonly Entry[] = [];
  /** The id of the post that is under way, or waits to be repeated. */
  let current: string | null = null;
  /** Whether it is under way over the link, whose end takes the answer with it. */
  let isOnLink = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const find = (id: string): Entry | undefined => entries.find(({ message }) => message.id === id);

  function show(next: readonly Entry[]): void {
    entries = next;
    office.changed(entries.map(({ message }) => message));
  }

  function set(entry: Entry, change: Partial<OwnMessage>): void {
    entry.message = { ...entry.message, ...change };
    show(entries);
  }

  const take = (entry: Entry): void => show(entries.filter((one) => one !== entry));

  function enter(post: StoredPost): Entry {
    const message = { ...post, seq: null, user: host.user(), state: 'sending', error: null } as const;
    const entry: Entry = { message, attempt: 0, waiting: [] };
    show([...entries, entry]);
    return entry;
  }

  function answerOf({ message: { id, seq, state }, waiting }: Entry): Promise<Sent> {
    return new Promise((resolve, reject) => {
      if (state === 'sent') resolve({ id, seq });
      else waiting.push({ resolve, reject });
    });
  }

  function reject({ waiting }: Entry, error: ParlorError): void {
    for (const one of waiting.splice(0)) one.reject(error);
  }

  function release(): void {
    clearTimeout(timer);
    current = null;
    isOnLink = false;
  }

  function pump(): void {
    const way = current === null ? office.way() : null;
    const next = way && entries.find(({ message }) => message.state === 'sending');
    if (!next) return;
    const { id, text } = next.message;
    current = id;
    isOnLink = way === 'link';
    if (isOnLink) {
      timer = setTimeout(() => refused(id, timeout()), host.requestTimeoutMs);
      office.overLink(id, text);
    } else office.overHttp(id, text).then(answered, (cause: unknown) => refused(id, cause as ParlorError));
  }

  function answered({ id, seq }: Sent): void {
    const entry = find(id);
    if (entry && entry.message.state !== 'sent') {
      if (entry.message.state === 'sending') outbox.remove(id);
      for (const { resolve } of entry.waiting.splice(0)) resolve({ id, seq });
      if (office.isLive()) set(entry, { state: 'sent', seq, error: null });
      else take(entry);
    }
    if (current === id) release();
    pump();
  }

  function refused(id: string, error: ParlorError): void {
    const entry = find(id);
    if (current !== id || !entry) return;
    release();
    // It stays where it is until the connection is opened again.
    if (error instanceof ClosedError) return;
    if (error.retry) {
      current = id;
      timer = setTimeout(
        () => {
          release();
          pump();
        },
        host.pauseMs(entry.attempt++, error),
      );
      return;
    }
    outbox.remove(id);
    reject(entry, error);
    set(entry, { state: 'failed', error });
    pump();
  }

  function post(text: string, id: string): Promise<Sent> {
    const known = find(id);
    if (known) return answerOf(known);
    const stored = { id, room_id: office.room, text, created_at: outbox.stamp() };
    try {
      outbox.add(stored);
    } catch (error) {
      return Promise.reject(error as ParlorError);
    }
    const answer = answerOf(enter(stored));
    pump();
    return answer;
  }

  return {
    post,
    restore(stored) {
      if (find(stored.id)) return;
      outbox.add(stored, true);
      enter(stored);
      // It was posted before what this page has posted meanwhile.
      show([...entries].sort(({ message: a }, { message: b }) => (a.created_at < b.created_at ? -1 : 1)));
    },
    retry(id) {
      const entry = find(id);
      if (!entry) return Promise.reject(passing('network', 'no such message'));
      if (entry.message.state !== 'failed') return answerOf(entry);
      take(entry);
      return post(entry.message.text, id);
    },
    discard(id) {
      const entry = find(id);
      if (!entry) return;
      if (entry.message.state === 'sending') outbox.remove(id);
      reject(entry, passing('closed', 'the connection was closed'));
      if (current === id) release();
      take(entry);
      pump();
    },
    pump,
    answered,
    refused,
    seen({ id, seq }) {
      if (!find(id)) return;
      answered({ id, seq });
      const rest = find(id);
      if (rest) take(rest);
    },
    passed(before) {
      const all = entries.filter(({ message: { seq } }) => seq !== null && seq < before);
      all.forEach(take);
      return all.map(({ message }) => message);
    },
    linkLost() {
      if (isOnLink) release();
    },
    left: () => entries.filter(({ message }) => message.state === 'sent').forEach(take),
    close() {
      release();
      for (const entry of entries) reject(entry, passing('closed', 'the connection was closed'));
    },
  };
}
