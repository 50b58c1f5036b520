import { ParlorError, passing, timeout } from './errors.js';

/** A new token is asked for so long before the old one expires, ms; for one of less than 2 minutes, at half of its time. */
const LEAD_MS = 60_000;
/** The most a timer can wait in one go is 2³¹ ms. */
const LONGEST_MS = 86_400_000;
/** A new token could not be had: asked again after so long, while the old one still holds, ms. */
const RETRY_MS = 5_000;

/** How long from now a new token is to be asked for, ms, negative if it has expired; null: it does not say when it expires. It is read, not checked. */
export function refreshInMs(token: string, now: number): number | null {
  try {
    const part = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { exp } = JSON.parse(atob(part)) as { exp?: unknown };
    if (typeof exp !== 'number') return null;
    const left = exp * 1_000 - now;
    return Math.min(LONGEST_MS, left - Math.min(LEAD_MS, left / 2));
  } catch {
    return null; // Not a JWT: the server alone knows what it is.
  }
}

interface TokenOptions {
  readonly token: string | null;
  readonly getToken: (() => string | Promise<string>) | undefined;
  readonly connectTimeoutMs: number;
}

export interface Tokens {
  /** The newest; null: there is none. */
  readonly current: () => string | null;
  /** Gives a token to connect with: a new one where there is somebody to ask. One of the two is called, perhaps at once. */
  readonly next: (got: (token: string | null) => void, failed: (error: ParlorError) => void) => void;
  /** A newer token than one that was refused, or null if there is none. */
  readonly renew: (refused: string) => Promise<string | null>;
  /** Asks for a new token before this one expires, and before that one does. Returns what ends it. */
  readonly keepFresh: (token: string | null, renewed: (token: string) => void) => () => void;
}

export function createTokens({ token: first, getToken, connectTimeoutMs }: TokenOptions): Tokens {
  let current = first;

  /** Rejects with a ParlorError. */
  function ask(get: () => string | Promise<string>): Promise<string> {
    return new Promise<string>((resolve, reject) => {
      AbortSignal.timeout(connectTimeoutMs).onabort = () => reject(timeout());
      Promise.resolve()
        .then(get)
        .then(
          (token) => resolve((current = token)),
          (error: unknown) =>
            reject(error instanceof ParlorError ? error : passing('network', `getToken: ${String(error)}`)),
        );
    });
  }

  return {
    current: () => current,
    next(got, failed) {
      if (getToken) ask(getToken).then(got, failed);
      else got(current);
    },
    async renew(refused) {
      if (current !== refused) return current;
      return getToken ? ask(getToken) : null;
    },
    keepFresh(token, renewed) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let isOver = false;
      const plan = (of: string | null): void => {
        const ms = of === null || !getToken ? null : refreshInMs(of, Date.now());
        if (ms !== null && !isOver) timer = setTimeout(renew, ms);
      };
      function renew(): void {
        if (getToken)
          ask(getToken).then(
            (newer) => {
              if (isOver) return;
              renewed(newer);
              plan(newer);
            },
            () => {
              // The old one still holds; when it has expired, the server ends the connection, which asks again.
              if (!isOver) timer = setTimeout(renew, RETRY_MS);
            },
          );
      }
      plan(token);
      return () => {
        isOver = true;
        clearTimeout(timer);
      };
    },
  };
}
