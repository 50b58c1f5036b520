import { ClosedError, errorOf, NetworkError, type ParlorError } from './errors.js';

export interface HttpOptions {
  readonly fetch: typeof fetch;
  readonly base: string;
  readonly timeoutMs: number;
  token(): string | null;
  /** A newer token than the one that was refused, or null if there is none. */
  renew(refused: string): Promise<string | null>;
}

export interface Call {
  readonly method?: 'GET' | 'POST';
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** Requests over HTTP. `close` ends those under way with a ClosedError. */
export class Http {
  #life = new AbortController();

  constructor(private readonly options: HttpOptions) {}

  /** The JSON of a good answer. Rejects with a ParlorError, or with the reason of the caller's own signal. */
  async json(path: string, call: Call = {}): Promise<unknown> {
    const token = this.options.token();
    const response = await this.#fetch(path, call, token);
    if (response.status !== 401 || token === null) return this.#read(response);
    const newer = await this.options.renew(token);
    return this.#read(newer === null ? response : await this.#fetch(path, call, newer));
  }

  close(): void {
    this.#life.abort();
    this.#life = new AbortController();
  }

  async #fetch(
    path: string,
    { method = 'GET', body, signal }: Call,
    token: string | null,
  ): Promise<Response> {
    const { fetch, base, timeoutMs } = this.options;
    const life = this.#life.signal;
    const over = new AbortController();
    const abort = (): void => over.abort();
    const timer = setTimeout(abort, timeoutMs);
    life.addEventListener('abort', abort);
    signal?.addEventListener('abort', abort);
    try {
      signal?.throwIfAborted();
      const response = await fetch(base + path, {
        method,
        headers: headersOf(token, body !== undefined),
        signal: over.signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      // The body is waited for here, so that the time limit is one for all of it.
      return new Response(response.status === 204 ? null : await response.text(), {
        status: response.status,
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (life.aborted) throw new ClosedError();
      if (over.signal.aborted) throw new NetworkError(`no answer within ${timeoutMs} ms`, 'timeout');
      throw new NetworkError(String(error));
    } finally {
      clearTimeout(timer);
      life.removeEventListener('abort', abort);
      signal?.removeEventListener('abort', abort);
    }
  }

  async #read(response: Response): Promise<unknown> {
    if (!response.ok) throw problemOf(response.status, await response.text());
    try {
      return await response.json();
    } catch {
      throw new NetworkError('the answer is no JSON: something else answers in place of Parlor');
    }
  }
}

export function headersOf(token: string | null, hasBody = false): Record<string, string> {
  return {
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(hasBody ? { 'content-type': 'application/json' } : {}),
  };
}

/** The error that an answer with this status and body is. A proxy's answer has no code; a server error of it passes. */
export function problemOf(status: number, body: string): ParlorError {
  try {
    const { code, detail, retry, retry_after_ms } = JSON.parse(body) as Record<string, unknown>;
    if (typeof code === 'string')
      return errorOf(code, String(detail), retry === true, retry_after_ms as number | undefined);
  } catch {
    // Not from Parlor: what follows says what is known.
  }
  return errorOf(
    `http_${status}`,
    `answered with ${status}`,
    status >= 500 || status === 408 || status === 429,
  );
}
