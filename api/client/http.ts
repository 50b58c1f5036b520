import { errorOf, passing, timeout, type Failure } from './errors.js';
import { endOf } from './close-codes.js';
import type { Settings } from './settings.js';
import type { Tokens } from './token.js';

export interface Call {
  /** Makes it a POST. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** Requests over HTTP. */
export interface Http {
  /** The JSON of a good answer. Rejects with a ParlorError, or with the reason of the caller's own signal. */
  readonly json: (path: string, call?: Call) => Promise<unknown>;
  /** Ends those under way with a ClosedError. */
  readonly close: () => void;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

export function createHttp(
  { fetch, base, requestTimeoutMs }: Pick<Settings, 'fetch' | 'base' | 'requestTimeoutMs'>,
  { current, renew }: Pick<Tokens, 'current' | 'renew'>,
): Http {
  let life = new AbortController();

  async function ask(path: string, { body, signal }: Call, bearer: string | null): Promise<Answer> {
    const ours = life.signal;
    // Its timer keeps no process alive, and does nothing once there is an answer.
    const late = AbortSignal.timeout(requestTimeoutMs);
    try {
      const response = await fetch(base + path, {
        headers: headersOf(bearer, body),
        signal: AbortSignal.any([ours, late, ...(signal ? [signal] : [])]),
        ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      });
      // The body is waited for here, so that the time limit is one for all of it.
      return { status: response.status, text: await response.text() };
    } catch (error) {
      signal?.throwIfAborted();
      if (ours.aborted) throw passing('closed', 'the connection was closed');
      throw late.aborted ? timeout() : passing('network', error);
    }
  }

  return {
    async json(path, call = {}) {
      const used = current();
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
        throw passing('network', 'no JSON');
      }
    },
    close() {
      life.abort();
      life = new AbortController();
    },
  };
}

export function headersOf(token: string | null, body?: unknown): Record<string, string> {
  return {
    ...(token !== null && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
}

/** Why an answer with this status and body is no good one. A proxy's has no code of Parlor. */
export function problemOf({ status, text }: Answer): Failure {
  try {
    const { code, detail, retry, retry_after_ms } = JSON.parse(text) as Failure & { detail: string };
    if (code) return { code, message: detail, retry, retry_after_ms };
  } catch {
    // Not from Parlor: the status is all that is known.
  }
  return endOf(4_000 + status, '', null);
}
