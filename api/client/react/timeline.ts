import type { HistoryPage, Message, ParlorError, Room, Sent } from '../index.js';
import type { MessagesView, ShownMessage } from './types.js';

/** The messages of a room, as far as they were loaded or have come. */
export interface Timeline {
  readonly view: () => MessagesView;
  /** Loads the newest page if nothing was loaded yet. Returns what takes the listener away. */
  readonly watch: (changed: () => void) => () => void;
}

/** One for each room, since components that show the same room share what was loaded; gone with the room. */
const timelines = new WeakMap<Room, Timeline>();

/** `pageSize` counts for who comes first. */
export function timelineOf(room: Room, pageSize: number): Timeline {
  let timeline = timelines.get(room);
  if (!timeline) timelines.set(room, (timeline = createTimeline(room, pageSize)));
  return timeline;
}

/**
 * It listens as long as there is the room, and not only while it is shown: what comes meanwhile belongs to it. A gap makes it
 * begin anew with the newest page, as nobody reads past a hole.
 */
function createTimeline(room: Room, pageSize: number): Timeline {
  const watchers = new Set<() => void>();
  let shown: readonly ShownMessage[] = [];
  /** The cursor of the page before; undefined: none was loaded; null: there is none. */
  let next: number | null | undefined;
  let loading: Promise<void> | null = null;
  /** A load that was begun before this changed is of no use any more. */
  let generation = 0;
  /** A page was read before we were in: what was posted between the two is neither in it nor told. */
  let mayLack = false;
  let error: ParlorError | null = null;
  /** What the messages of the view were made of: they stay the same array as long as that does. */
  let parts: readonly (readonly ShownMessage[])[] = [];
  let messages: readonly ShownMessage[] = [];
  let view = compose();

  function compose(): MessagesView {
    const { outgoing } = room;
    if (parts[0] !== shown || parts[1] !== outgoing) messages = [...shown, ...outgoing];
    parts = [shown, outgoing];
    return {
      messages,
      post,
      retry,
      discard: room.discard,
      loadOlder: load,
      hasOlder: next !== null,
      isLoading: loading !== null,
      error,
    };
  }

  function change(): void {
    view = compose();
    for (const changed of [...watchers]) changed();
  }

  /** Merges, each seq once. What is there stays the same object. */
  function add(messages: readonly Message[]): void {
    const last = shown.at(-1)?.seq ?? 0;
    const first = messages[0];
    if (first && messages.length === 1 && first.seq > last) {
      shown = [...shown, shownOf(first)];
      return;
    }
    // A page of history: thousands of messages that are there need not be looked through.
    if ((messages.at(-1)?.seq ?? Infinity) < (shown[0]?.seq ?? 0)) {
      shown = [...messages.map(shownOf), ...shown];
      return;
    }
    const known = new Set(shown.map(({ seq }) => seq));
    const fresh = messages.filter(({ seq }) => !known.has(seq)).map(shownOf);
    shown = [...fresh, ...shown].sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
  }

  function load(): Promise<void> {
    if (next === null) return Promise.resolve();
    loading ??= fetchPage(generation);
    change();
    return loading;
  }

  /** Whether everything that is posted from now on will be told. */
  function isFollowed(): boolean {
    return room.status === 'joined' || room.seq !== null;
  }

  function beginAnew(before: number | undefined): void {
    generation++;
    loading = null;
    mayLack = false;
    shown = [];
    next = before;
    void load();
  }

  async function fetchPage(mine: number): Promise<void> {
    mayLack ||= !isFollowed();
    const before = next ?? undefined;
    const query = before === undefined ? { limit: pageSize } : { limit: pageSize, before };
    const page = await room.history(query).catch((cause: unknown) => failed(cause as ParlorError));
    if (mine !== generation) return;
    loading = null;
    if (page) {
      error = null;
      next = page.next;
      add(page.messages);
    }
    change();
  }

  /** In a room that nobody has been in there is nothing to load. */
  function failed(cause: ParlorError): HistoryPage | null {
    if (cause.code === 'room_not_found') return { messages: [], next: null };
    // Closed: it is loaded when the connection is open again. So it goes in StrictMode, which mounts everything twice.
    error = cause.code === 'closed' ? null : cause;
    return null;
  }

  /** Who does not wait for a post sees what became of it: its state, or in `error` that it was not taken at all. */
  function watched(sent: Promise<Sent>): Promise<Sent> {
    sent.catch((cause: unknown) => {
      if ((cause as ParlorError).code !== 'outbox_full') return;
      error = cause as ParlorError;
      change();
    });
    return sent;
  }

  function post(text: string): Promise<Sent> {
    return watched(room.post(text));
  }

  function retry(id: string): Promise<Sent> {
    return watched(room.retry(id));
  }

  room.on('message', (message) => {
    add([message]);
    change();
  });
  room.on('outgoing', change);
  room.on('gap', ({ before }) => beginAnew(before));
  room.on('status', ({ status }) => {
    if (status === 'joined' && mayLack) beginAnew(undefined);
    else loadFirst();
  });

  /** The first page: once we are in, or will not be. It may have failed before, for want of a network. */
  function loadFirst(): void {
    if (next !== undefined || watchers.size === 0) return;
    if (isFollowed() || room.status === 'refused') void load();
  }

  return {
    view: () => view,
    watch(changed) {
      watchers.add(changed);
      loadFirst();
      return () => watchers.delete(changed);
    },
  };
}

function shownOf(message: Message): ShownMessage {
  return { ...message, state: null, error: null };
}
