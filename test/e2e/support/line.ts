import { WebSocket } from 'ws';
import type { Answer, Attempt, Member } from '../../checker/history.js';
import type { Book, Post } from './book.js';
import type { Door } from './door.js';
import type { VisitBook } from './visits.js';

/** One WebSocket of a member that has its welcome. */
export interface Line {
  readonly isOpen: boolean;
  /** Posts that wait for their answer. */
  readonly underWay: number;
  post(post: Post): void;
  /** Resolves when a post was answered or the line has ended. */
  moved(): Promise<void>;
  /** Resolves with the posts that were not answered, in the order of sending, when the line has ended. */
  readonly ended: Promise<Post[]>;
  /** To be called right before its node is killed: until now it is open. */
  stands(): void;
  /** Ends it without a word, as a phone does that is out of reach. */
  drop(): void;
}

export interface LineOptions {
  readonly door: Door;
  /** The name under which its posts are written down. */
  readonly name: string;
  readonly book: Book;
  readonly visits: VisitBook;
  /** A post was answered; `sentAt` is when it was sent, by `performance.now()`. */
  readonly answered: (post: Post, answer: Answer, sentAt: number) => void;
  /** It was not let in, for this reason. */
  readonly turnedAway?: (code: string) => void;
  /** It is dropped when its welcome or an answer takes longer than this, ms; left out: never. */
  readonly patienceMs?: number;
}

interface Frame {
  readonly type: string;
  readonly seq?: number;
  readonly id?: string;
  readonly user?: string | null;
  readonly text?: string;
  readonly code?: string;
  readonly head_seq?: number;
  readonly recovered?: boolean;
  readonly members?: readonly string[];
  readonly member_count?: number;
}

/** How often it is looked at whether somebody has waited for too long, ms. */
const LOOK_MS = 1_000;

/**
 * Opens a member's next connection, with `since` if it was there before, and writes down all that it is shown.
 * Resolves with null if it was not let in.
 */
export function openLine(member: Member, user: string, options: LineOptions): Promise<Line | null> {
  const { door, name, book, visits, patienceMs = Infinity } = options;
  const since = lastSeen(member);
  const query = new URLSearchParams({ user, ...(since === null ? {} : { since: String(since) }) });
  const visit = visits.begin(member.room_id, user, door.name);
  const { port } = door.parlor;
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/updates/${member.room_id}?${query.toString()}`, {
    perMessageDeflate: false,
  });
  const waiting: { readonly attempt: Attempt; readonly post: Post; readonly sentAt: number }[] = [];
  let isIn = false;
  let wake: () => void = () => undefined;
  let closed: (left: Post[]) => void = () => undefined;

  const line: Line = {
    get isOpen() {
      return socket.readyState === WebSocket.OPEN;
    },
    get underWay() {
      return waiting.length;
    },
    post(post) {
      waiting.push({ attempt: book.sent(name, post), post, sentAt: performance.now() });
      socket.send(JSON.stringify({ type: 'post', id: post.id, text: post.text }));
    },
    moved: () => new Promise((resolve) => (wake = resolve)),
    ended: new Promise((resolve) => (closed = resolve)),
    stands: () => visit.end(),
    drop() {
      visit.end();
      socket.terminate();
    },
  };

  /** Answers to posts with one id come in the order of the posts. */
  function answer(id: string, told: Answer): void {
    const at = waiting.findIndex(({ attempt }) => attempt.id === id);
    const [found] = at < 0 ? [] : waiting.splice(at, 1);
    if (!found) {
      book.strays.push(`${name}: ${id} ${JSON.stringify(told)}`);
      return;
    }
    book.settle(found.attempt, told);
    visit.wasOpen(found.sentAt);
    if (told.type === 'posted' && !book.isRepeat(found.attempt)) visit.hasPosted(found.sentAt);
    options.answered(found.post, told, found.sentAt);
    wake();
  }

  function read(frame: Frame): void {
    const { type, id, seq } = frame;
    if (type === 'ack' && id !== undefined && seq !== undefined) answer(id, { type: 'posted', seq });
    else if (type === 'queued' && id !== undefined) answer(id, { type: 'queued' });
    else if (type === 'error' && id !== undefined)
      answer(id, { type: 'refused', code: frame.code ?? 'without a code' });
    else if (seq !== undefined) {
      const { user = null, text = '' } = frame;
      const message = type === 'message' ? { id: id ?? '', user, text } : null;
      const named = type === 'message' ? 'message_posted' : type;
      member.sessions.at(-1)?.entries.push({ seq, type: named, message });
    }
  }

  const impatience = setInterval(
    () => {
      const since = isIn ? waiting[0]?.sentAt : visit.visit.asked_at;
      if (since !== undefined && performance.now() - since > patienceMs) line.drop();
    },
    Math.min(patienceMs / 4, LOOK_MS),
  );

  return new Promise((resolve) => {
    socket.on('message', (data) => {
      const frame = JSON.parse((data as Buffer).toString()) as Frame;
      visit.read(frame);
      if (frame.type === 'welcome') {
        const { head_seq = 0, recovered = null } = frame;
        member.sessions.push({ since, head_seq, recovered, entries: [] });
        isIn = true;
        resolve(line);
      } else if (isIn) read(frame);
      else options.turnedAway?.(frame.code ?? 'without a code');
    });
    // What went wrong is not looked at: the connection is gone, and comes again.
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      clearInterval(impatience);
      visit.closed();
      resolve(null);
      const left = waiting.splice(0);
      for (const { attempt } of left) book.settle(attempt, { type: 'none' });
      closed(left.map(({ post }) => post));
      wake();
    });
  });
}

/** The seq a member has: of what it was shown last, or from which it was told to listen; null before its first welcome. */
export function lastSeen({ sessions }: Member): number | null {
  const session = sessions.at(-1);
  if (!session) return null;
  const { since, recovered, head_seq, entries } = session;
  return entries.at(-1)?.seq ?? (since !== null && recovered !== false ? since : head_seq);
}
