import { endOf } from './close-codes.js';
import { errorOf, passing, type Failure, type ParlorError } from './errors.js';
import { headersOf, problemOf } from './http.js';
import { queryOf, type Identity, type Link, type LinkEvents } from './link.js';
import type { Settings } from './settings.js';
import { eventReader } from './sse-text.js';
import type { Refusal, RoomFrame } from './wire.js';

/**
 * Over HTTP/1.1 a browser has six connections for a server, whose tabs share them. One has to be left for posts, so rooms
 * beyond these have to wait.
 */
const STREAMS_OF_A_PAGE = 4;
/** What a room beyond them is told; it is tried again after that time. */
const CROWDED: Failure = {
  code: 'rate_limited',
  message: 'too many streams',
  retry: true,
  retry_after_ms: 15_000,
};
/** A stream that was silent for so long, ms, when the machine wakes is not trusted. */
const STALE_MS = 5_000;
/** End codes that are about the connection and not the room: its token, and a node that restarts. */
const OF_ALL: readonly number[] = [1012, 4401];

/** What a stream is read with; browsers and Node describe it differently. */
interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>;
}

interface Stream {
  /** Aborted: what still comes of it is of no interest. */
  readonly life: AbortController;
  heardAt: number;
}

/**
 * A link where WebSockets are blocked: one stream of Server-Sent Events for each room. It is read with `fetch`, not with
 * EventSource, which can neither send a token nor say why it failed, and reconnects by rules of its own. A stream that is cut
 * ends the whole link, as streams share their fate; one that is refused concerns its room only.
 */
export function openStreams(
  { base, fetch, heartbeatMs, pongTimeoutMs }: Settings,
  { user, token, resume }: Identity,
  events: LinkEvents,
): Link {
  // The server sends a comment every PING_S.
  const silenceMs = heartbeatMs + pongTimeoutMs;
  const streams = new Map<string, Stream>();
  const most = 'document' in globalThis ? STREAMS_OF_A_PAGE : Infinity;
  const all = new AbortController();
  const { signal } = all;
  let secret = resume;
  /** A guest's other rooms wait for the first welcome, which tells the secret: without it each would be another guest. */
  let later: (() => void)[] | null = null;

  function close(): void {
    all.abort();
    for (const { life } of streams.values()) life.abort();
  }

  function end(error: ParlorError): void {
    if (signal.aborted) return;
    close();
    events.ended(error);
  }

  const broken = (cause: unknown): void => end(passing('network', cause));

  function proceed(): void {
    const waiting = later ?? [];
    later = null;
    for (const begin of waiting) begin();
  }

  function unsubscribed(room: string, failure?: Failure): void {
    streams.get(room)?.life.abort();
    streams.delete(room);
    events.frame({ ...failure, type: 'unsubscribed', room });
    proceed();
  }

  function begin(room: string, since: number | undefined): void {
    if (signal.aborted) return;
    if (streams.size >= most) return unsubscribed(room, CROWDED);
    const isUnknown = secret === null && user === null && token === null;
    if (isUnknown && later) return void later.push(() => begin(room, since));
    if (isUnknown) later = [];
    const query = queryOf({ user, token, resume: secret });
    if (since !== undefined) query.set('since', String(since));
    const stream: Stream = { life: new AbortController(), heardAt: Date.now() };
    streams.set(room, stream);
    read(room, `${base}/api/rooms/${encodeURIComponent(room)}/stream?${String(query)}`, stream).catch(
      (cause: unknown) => {
        if (!stream.life.signal.aborted) broken(cause);
      },
    );
  }

  async function read(room: string, url: string, stream: Stream): Promise<void> {
    const mine = stream.life.signal;
    let last: Failure | null = null;
    const over = (failure: Failure, isOfAll: boolean): void => {
      if (mine.aborted) return;
      if (isOfAll) end(errorOf(failure));
      else unsubscribed(room, failure);
    };
    const take = eventReader((type, data) => {
      if (mine.aborted) return;
      const content = JSON.parse(data) as { readonly type?: string };
      if (type === 'end') {
        const { code, reason } = content as { readonly code: number; readonly reason: string };
        over(endOf(code, reason, last), OF_ALL.includes(code));
      } else if (content.type === 'error') last = content as Refusal;
      else {
        const frame = { ...content, room } as RoomFrame;
        if (frame.type === 'welcome') secret ??= frame.resume ?? null;
        events.frame(frame);
        if (frame.type === 'welcome') proceed();
      }
    });
    const silent = (): void => broken('the stream is silent');
    let timer = setTimeout(silent, silenceMs);
    try {
      const response = await fetch(url, { headers: headersOf(token), signal: mine });
      const { status, body } = response;
      if (status !== 200 || !body) {
        const text = await response.text();
        return over(problemOf({ status, text }), status === 401);
      }
      const reader = body.getReader() as Reader;
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (mine.aborted) return;
        if (done) return broken('the stream was cut');
        clearTimeout(timer);
        timer = setTimeout(silent, silenceMs);
        stream.heardAt = Date.now();
        events.heard();
        take(decoder.decode(value, { stream: true }));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  fetch(`${base}/health`, { signal }).then(({ ok, status }) => {
    if (signal.aborted) return;
    if (ok) events.opened(user, secret);
    else end(errorOf(problemOf({ status, text: '' })));
  }, broken);
  return {
    carriesPosts: false,
    send(frame) {
      if (frame.type === 'subscribe') begin(frame.room, frame.since);
      else if (frame.type === 'unsubscribe') unsubscribed(frame.room);
      // Streams keep the token with which they were opened.
      else if (frame.type === 'refresh') broken('a new token');
    },
    probe(afterSleep) {
      const isStale = ({ heardAt }: Stream): boolean => Date.now() - heardAt > STALE_MS;
      if (afterSleep && [...streams.values()].some(isStale)) broken('the stream slept');
      // Each stream watches its own silence.
      else events.heard();
    },
    close,
  };
}
