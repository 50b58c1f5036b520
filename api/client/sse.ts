import { endOf } from './close-codes.js';
import { NetworkError, type ParlorError } from './errors.js';
import { headersOf, problemOf } from './http.js';
import type { Identity, Link, LinkEvents } from './link.js';
import { eventReader } from './sse-text.js';
import type { Refusal, RoomFrame } from './wire.js';

/**
 * Over HTTP/1.1 a browser has six connections for a server, whose tabs share them. One has to be left for posts, so rooms
 * beyond these have to wait.
 */
const STREAMS_OF_A_PAGE = 4;
/** A room that has to wait for a stream is tried again after so long, ms. */
const CROWDED_MS = 15_000;
/** A stream that was silent for so long, ms, when the machine wakes is not trusted. */
const STALE_MS = 5_000;
/** End codes that are about the connection and not the room: its token, and a node that restarts. */
const OF_ALL: ReadonlySet<number> = new Set([1012, 4401]);

interface StreamOptions {
  readonly fetch: typeof fetch;
  /** A stream that says nothing for so long is dead; the server sends a comment every PING_S, ms. */
  readonly silenceMs: number;
}

interface Stream {
  readonly abort: AbortController;
  heardAt: number;
}

/**
 * A link where WebSockets are blocked: one stream of Server-Sent Events for each room. It is read with `fetch`, not with
 * EventSource, which can neither send a token nor say why it failed, and reconnects by rules of its own. A stream that is cut
 * ends the whole link, as streams share their fate; one that is refused concerns its room only.
 */
export function openStreams(
  base: string,
  { user, token, resume: known }: Identity,
  { fetch, silenceMs }: StreamOptions,
  events: LinkEvents,
): Link {
  const streams = new Map<string, Stream>();
  const most = 'document' in globalThis ? STREAMS_OF_A_PAGE : Infinity;
  const health = new AbortController();
  let resume = known;
  let isOver = false;
  /** A guest's other rooms wait for the first welcome, which tells the secret: without it each would be another guest. */
  let later: (() => void)[] | null = null;

  function close(): void {
    isOver = true;
    health.abort();
    for (const { abort } of streams.values()) abort.abort();
  }

  function end(error: ParlorError): void {
    if (isOver) return;
    close();
    events.ended(error);
  }

  function proceed(): void {
    const waiting = later;
    later = null;
    for (const begin of waiting ?? []) begin();
  }

  function unsubscribed(room: string, error?: ParlorError): void {
    streams.get(room)?.abort.abort();
    streams.delete(room);
    events.frame({
      type: 'unsubscribed',
      room,
      ...(error && { code: error.code, message: error.message, retry: error.retry }),
      ...(error && error.retryAfterMs !== null && { retry_after_ms: error.retryAfterMs }),
    });
    proceed();
  }

  function begin(room: string, since: number | undefined): void {
    if (isOver) return;
    if (streams.size >= most) {
      const message = `over Server-Sent Events a page can be in ${most} rooms`;
      return unsubscribed(room, endOf(0, '', { ...CROWDED, message }));
    }
    const query = new URLSearchParams();
    if (resume !== null) query.set('resume', resume);
    else if (user !== null) query.set('user', user);
    else if (token === null) {
      if (later) return void later.push(() => begin(room, since));
      later = [];
    }
    if (since !== undefined) query.set('since', String(since));
    const stream: Stream = { abort: new AbortController(), heardAt: Date.now() };
    streams.set(room, stream);
    const isMine = (): boolean => !isOver && streams.get(room) === stream;
    read(room, `${base}/api/rooms/${encodeURIComponent(room)}/stream?${query}`, stream, isMine).catch(
      (error) => {
        if (isMine()) end(new NetworkError(String(error)));
      },
    );
  }

  async function read(room: string, url: string, stream: Stream, isMine: () => boolean): Promise<void> {
    let timer = setTimeout(silent, silenceMs);
    const heard = (): void => {
      clearTimeout(timer);
      timer = setTimeout(silent, silenceMs);
      stream.heardAt = Date.now();
      events.heard();
    };
    function silent(): void {
      if (isMine()) end(new NetworkError(`the stream of ${room} was silent for ${silenceMs} ms`));
    }
    try {
      const { signal } = stream.abort;
      const response = await fetch(url, { headers: headersOf(token), signal });
      if (!response.ok || !response.body) {
        const error = problemOf(response.status, await response.text());
        if (isMine())
          (response.status === 401 ? end : (error: ParlorError) => unsubscribed(room, error))(error);
        return;
      }
      let last: Refusal | null = null;
      const take = eventReader(({ type, data }) => {
        if (!isMine()) return;
        const content = JSON.parse(data) as
          RoomFrame | Refusal | { type?: undefined; code: number; reason: string };
        if (type === 'end') {
          const { code, reason } = content as { code: number; reason: string };
          const error = endOf(code, reason, last);
          if (OF_ALL.has(code)) end(error);
          else unsubscribed(room, error);
        } else if (content.type === 'error') last = content as Refusal;
        else {
          const frame = { ...content, room } as RoomFrame;
          if (frame.type === 'welcome') resume ??= frame.resume ?? null;
          events.frame(frame);
          if (frame.type === 'welcome') proceed();
        }
      });
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || !isMine()) break;
        heard();
        take(decoder.decode(value, { stream: true }));
      }
      if (isMine()) end(new NetworkError(`the stream of ${room} was cut`));
    } finally {
      clearTimeout(timer);
    }
  }

  function ask(then: () => void): void {
    fetch(`${base}/health`, { signal: health.signal }).then(
      (response) => {
        if (isOver) return;
        if (response.ok) then();
        else end(problemOf(response.status, ''));
      },
      (error: unknown) => end(new NetworkError(String(error))),
    );
  }

  ask(() => events.opened(user, resume));
  return {
    carriesPosts: false,
    send(frame) {
      if (frame.type === 'subscribe') begin(frame.room, frame.since);
      else if (frame.type === 'unsubscribe') unsubscribed(frame.room);
      // Streams keep the token with which they were opened.
      else if (frame.type === 'refresh')
        end(new NetworkError('the streams are opened again with a new token'));
    },
    probe(afterSleep) {
      const isStale = ({ heardAt }: Stream): boolean => Date.now() - heardAt > STALE_MS;
      if (afterSleep && [...streams.values()].some(isStale))
        end(new NetworkError('the streams may have died during the sleep'));
      else ask(() => events.heard());
    },
    close,
  };
}

const CROWDED = { type: 'error', code: 'rate_limited', retry: true, retry_after_ms: CROWDED_MS } as const;
