import { ClosedError, NetworkError, OutboxFullError, type ParlorError } from './errors.js';
import { report } from './emitter.js';
import type { OutboxStore, OwnMessage, Sent, StoredPost } from './types.js';

/** What the posts of all rooms share: how many there may be, and where they are kept over a reload. */
export class Outbox {
  #size = 0;

  constructor(
    private readonly limit: number,
    private readonly store: OutboxStore | undefined,
  ) {}

  /** Throws an OutboxFullError. `isStored`: it comes from the store. */
  add(post: StoredPost, isStored = false): void {
    if (!isStored && this.#size >= this.limit) throw new OutboxFullError(this.limit);
    this.#size++;
    if (!isStored) this.store?.put(post).catch(report);
  }

  remove(id: string): void {
    this.#size--;
    this.store?.delete(id).catch(report);
  }

  async load(): Promise<readonly StoredPost[]> {
    return (await this.store?.load()) ?? [];
  }
}

/** What a room does for its posts. */
export interface PostOffice {
  /** How a post can go now; null: not yet, and `pump` will be called. */
  way(): 'link' | 'http' | null;
  /** Whether what was posted comes back, as a message. */
  isLive(): boolean;
  user(): string | null;
  overLink(post: StoredPost): void;
  overHttp(post: StoredPost): Promise<Sent>;
  /** How long to wait before the n-th repetition, ms. */
  pauseMs(attempt: number, error: ParlorError): number;
  changed(posts: readonly OwnMessage[]): void;
  readonly outbox: Outbox;
  /** A post over the link that is not answered within this is sent again, ms. */
  readonly timeoutMs: number;
}

interface Entry {
  message: OwnMessage;
  attempt: number;
  readonly waiting: { resolve(sent: Sent): void; reject(error: ParlorError): void }[];
}

/**
 * The posts of one room. One at a time is under way: so they arrive in the order in which they were posted, also if one has
 * to be repeated. Each is repeated with the same id until it is answered, since the server makes one message of them.
 */
export class Posts {
  #entries: readonly Entry[] = [];
  /** The id of the post that is under way, or waits to be repeated. */
  #current: string | null = null;
  /** Whether it is under way over the link, whose end takes the answer with it. */
  #isOnLink = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly room_id: string,
    private readonly office: PostOffice,
  ) {}

  post(text: string, id: string): Promise<Sent> {
    const known = this.#find(id);
    if (known) return this.#answerOf(known);
    const post = { id, room_id: this.room_id, text, created_at: new Date().toISOString() };
    try {
      this.office.outbox.add(post);
    } catch (error) {
      return Promise.reject(error as ParlorError);
    }
    const answer = this.#answerOf(this.#enter(post));
    this.pump();
    return answer;
  }

  /** A post from before a reload. Call `pump` later. */
  restore(post: StoredPost): void {
    if (this.#find(post.id)) return;
    this.office.outbox.add(post, true);
    this.#enter(post);
  }

  retry(id: string): Promise<Sent> {
    const entry = this.#find(id);
    if (!entry) return Promise.reject(new NetworkError('there is no such message'));
    if (entry.message.state !== 'failed') return this.#answerOf(entry);
    this.#take(entry);
    return this.post(entry.message.text, id);
  }

  discard(id: string): void {
    const entry = this.#find(id);
    if (!entry) return;
    this.#remove(entry);
    for (const { reject } of entry.waiting.splice(0)) reject(new ClosedError());
    if (this.#current === id) this.#release();
    this.pump();
  }

  /** Sends the next one, if that is possible now. */
  pump(): void {
    if (this.#current !== null) return;
    const way = this.office.way();
    const next = way && this.#entries.find(({ message }) => message.state === 'sending');
    if (!next) return;
    const { id, room_id, text, created_at } = next.message;
    const post = { id, room_id, text, created_at };
    this.#current = id;
    this.#isOnLink = way === 'link';
    if (this.#isOnLink) {
      this.#timer = setTimeout(
        () => this.refused(id, new NetworkError('no answer', 'timeout')),
        this.office.timeoutMs,
      );
      this.office.overLink(post);
    } else
      this.office.overHttp(post).then(
        (sent) => this.answered(sent),
        (error: ParlorError) => this.refused(id, error),
      );
  }

  /** The server has it. */
  answered({ id, seq }: Sent): void {
    const entry = this.#find(id);
    if (entry && entry.message.state !== 'sent') {
      if (entry.message.state === 'sending') this.office.outbox.remove(id);
      for (const { resolve } of entry.waiting.splice(0)) resolve({ id, seq });
      if (this.office.isLive()) this.#set(entry, { state: 'sent', seq, error: null });
      else this.#take(entry);
    }
    if (this.#current === id) this.#release();
    this.pump();
  }

  refused(id: string, error: ParlorError): void {
    const entry = this.#find(id);
    if (this.#current !== id || !entry) return;
    this.#release();
    // Closed: it stays where it is until the connection is opened again.
    if (error instanceof ClosedError) return;
    if (!error.retry) {
      this.office.outbox.remove(id);
      for (const { reject } of entry.waiting.splice(0)) reject(error);
      this.#set(entry, { state: 'failed', error });
      return this.pump();
    }
    this.#current = id;
    this.#timer = setTimeout(
      () => {
        this.#release();
        this.pump();
      },
      this.office.pauseMs(entry.attempt++, error),
    );
  }

  /** A message of this room has come. */
  seen({ id, seq }: { readonly id: string; readonly seq: number }): void {
    const entry = this.#find(id);
    if (!entry) return;
    this.answered({ id, seq });
    if (this.#find(id)) this.#take(entry);
  }

  /** Ours that have a place before this seq: the room does not send them (`deliver_alone`). They are taken out. */
  passed(before: number): readonly OwnMessage[] {
    const all = this.#entries.filter(({ message: { seq } }) => seq !== null && seq < before);
    for (const entry of all) this.#take(entry);
    return all.map(({ message }) => message);
  }

  /** The link is gone, and with it the answer of what was under way over it. */
  linkLost(): void {
    if (this.#isOnLink) this.#release();
  }

  /** Nobody listens any more: what is sent does not come back. */
  left(): void {
    for (const entry of this.#entries) if (entry.message.state === 'sent') this.#take(entry);
  }

  close(): void {
    this.#release();
    for (const { waiting } of this.#entries)
      for (const { reject } of waiting.splice(0)) reject(new ClosedError());
  }

  #enter(post: StoredPost): Entry {
    const user = this.office.user();
    const entry: Entry = {
      message: { ...post, seq: null, user, state: 'sending', error: null },
      attempt: 0,
      waiting: [],
    };
    this.#show([...this.#entries, entry]);
    return entry;
  }

  #answerOf({ message, waiting }: Entry): Promise<Sent> {
    const { id, seq, state } = message;
    if (state === 'sent') return Promise.resolve({ id, seq });
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  }

  #find(id: string): Entry | undefined {
    return this.#entries.find(({ message }) => message.id === id);
  }

  #set(entry: Entry, change: Partial<OwnMessage>): void {
    entry.message = { ...entry.message, ...change };
    this.#show([...this.#entries]);
  }

  /** Takes a message that is still to be sent, or has failed, out for good. */
  #remove(entry: Entry): void {
    if (entry.message.state === 'sending') this.office.outbox.remove(entry.message.id);
    this.#take(entry);
  }

  #take(entry: Entry): void {
    this.#show(this.#entries.filter((one) => one !== entry));
  }

  #show(entries: readonly Entry[]): void {
    this.#entries = entries;
    this.office.changed(entries.map(({ message }) => message));
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#current = null;
    this.#isOnLink = false;
  }
}
