import type { Via } from './states.js';
import type { ConnectOptions, OutboxStore, SocketConstructor } from './types.js';

/** `ConnectOptions`, complete. What is not there is null or undefined, and named all the same. */
export interface Settings {
  /** Of the server, without a slash at the end; http or https. */
  readonly base: string;
  readonly user: string | null;
  readonly token: string | null;
  readonly resume: string | null;
  readonly getToken: (() => string | Promise<string>) | undefined;
  readonly transports: readonly [Via, ...Via[]];
  readonly WebSocket: SocketConstructor | undefined;
  readonly fetch: typeof fetch;
  readonly outbox: OutboxStore | undefined;
  readonly outboxLimit: number;
  readonly fillLimit: number;
  readonly lostAfterMs: number;
  readonly heartbeatMs: number;
  readonly pongTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** How long a WebSocket may take to open while there is another transport to try, ms. */
  readonly fallbackAfterMs: number;
  readonly requestTimeoutMs: number;
  readonly pauses: { readonly minMs: number; readonly maxMs: number };
}

interface Globals {
  readonly WebSocket?: SocketConstructor;
  readonly location?: { readonly href: string };
}

/** Throws if the address is none, or what was asked for is not there. */
export function settingsOf(url: string, options: ConnectOptions): Settings {
  const here = globalThis as unknown as Globals;
  const { href } = new URL(url, here.location?.href);
  const base = href
    .replace(/^ws/, 'http')
    .replace(/[?#].*$/, '')
    .replace(/\/+$/, '');
  const Socket = options.WebSocket ?? here.WebSocket;
  const wanted = options.transports ?? ['websocket', 'sse'];
  const [first, ...rest] = wanted.filter((via) => via === 'sse' || Socket);
  if (!first) throw new TypeError('there is no WebSocket here: pass one as an option');
  return {
    base,
    user: options.user ?? null,
    token: options.token ?? null,
    resume: options.resume ?? null,
    getToken: options.getToken,
    transports: [first, ...rest],
    WebSocket: Socket,
    // Called as a method of `options` a browser's fetch throws.
    fetch: options.fetch ?? ((...args) => fetch(...args)),
    outbox: options.outbox,
    outboxLimit: options.outboxLimit ?? 100,
    fillLimit: options.fillLimit ?? 5_000,
    lostAfterMs: options.lostAfterMs ?? 10_000,
    heartbeatMs: options.heartbeatMs ?? 25_000,
    pongTimeoutMs: options.pongTimeoutMs ?? 8_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    fallbackAfterMs: 1_500,
    requestTimeoutMs: options.requestTimeoutMs ?? 15_000,
    pauses: { minMs: options.minBackoffMs ?? 250, maxMs: options.maxBackoffMs ?? 30_000 },
  };
}
