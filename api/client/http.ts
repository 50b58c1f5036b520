import { errorOf, passing, type Failure, type ParlorError } from './errors.js';

export interface HttpOptions {
  readonly fetch: typeof fetch;
  readonly base: string;
  readonly timeoutMs: number;
  token(): string | null;
  /** A newer token than the one that was refused, or null if there is none. */
  renew(refused: string): Promise<string | null>;
}

export interface Call {
  /** Makes it a POST. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** Requests over HTTP. */
export interface Http {
  /** The JSON of a good answer. Rejects with a ParlorError, or with the reason of the caller's own signal. */
  json(path: string, call?: Call): Promise<unknown>;
  /** Ends those under way with a ClosedError. */
  close(): void;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

export function createHttp({ fetch, base, timeoutMs, token, renew }: HttpOptions): Http {
  const underWay = new Set<AbortController>();

  async function ask(path: string, { body, signal }: Call, bearer: string | null): Promise<Answer> {
    const over = new AbortController();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      over.abort();
    }, timeoutMs);
    const abort = (): void => over.abort();
    signal?.addEventListener('abort', abort);
    underWay.add(over);
    try {
      signal?.throwIfAborted();
      const response = await fetch(base + path, {
        headers: headersOf(bearer, body),
        signal: over.signal,
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
      // The body is waited for here, so that the time limit is one for all of it.
      return { status: response.status, text: await response.text() };
    } catch (error) {
      signal?.throwIfAborted();
      if (isLate) throw timeout();
      throw over.signal.aborted ? passing('closed', 'the connection was closed') : passing('network', error);
    } finally {
      clearTimeout(timer);
      underWay.delete(over);
      signal?.removeEventListener('abort', abort);
    }
  }

  return {
    async json(path, call = {}) {
      const used = token();
      let answer = await ask(path, call, used);
      if (answer.status === 401 && used !== null) {
        const newer = await renew(used);
        if (newer !== null) answer = await ask(path, call, newer);
      }
      if (answer.status >= 300) throw errorOf(problemOf(answer));
      try {
        return JSON.parse(answer.text) as unknown;
      } catch {
        // Something else answers in Parlor's place: a portal, or a proxy.
        throw passing('network', 'the answer is no JSON');
      }
    },
    close() {
      for (const over of underWay) over.abort();
    },
  };
}

export function timeout(): ParlorError {
  return passing('timeout', 'no answer in time');
}

export function headersOf(token: string | null, body?: unknown): Record<string, string> {
  return {
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
}

/** Why an answer with this status and body is no good one. A proxy's has no code; what is wrong with a server passes. */
export function problemOf({ status, text }: Answer): Failure {
  try {
    const { code, detail, retry, retry_after_ms } = JSON.parse(text) as Failure & { detail: string };
    if (code) return { code, message: detail, retry, retry_after_ms };
  } catch {
    // Not from Parlor: what follows says what is known.
  }
  const message = `answered with ${status}`;
  return { code: 'network', message, retry: status >= 500 || status === 408 || status === 429 };
}
