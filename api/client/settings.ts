import type { Via } from './states.js';
import type { ConnectOptions, OutboxStore, SocketConstructor } from './types.js';

/** `ConnectOptions`, complete. What is not there is null or undefined, and named all the same. */
export interface Settings extends Durations {
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
}

/** What has a number as its default; `ConnectOptions` says what each is. */
const DEFAULTS = {
  outboxLimit: 100,
  fillLimit: 5_000,
  lostAfterMs: 10_000,
  heartbeatMs: 25_000,
  pongTimeoutMs: 8_000,
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  minBackoffMs: 250,
  maxBackoffMs: 30_000,
};
type Durations = Readonly<typeof DEFAULTS>;

interface Globals {
  readonly WebSocket?: SocketConstructor;
  readonly location?: { readonly href: string };
}

/** Throws a TypeError if the address is none. */
export function settingsOf(url: string, options: ConnectOptions): Settings {
  const here = globalThis as unknown as Globals;
  const { href } = new URL(url, here.location?.href);
  const { user = null, token = null, resume = null, getToken, outbox } = options;
  const { WebSocket = here.WebSocket, transports = ['websocket', 'sse'] } = options;
  const [first = 'sse', ...rest] = transports.filter((via) => via === 'sse' || WebSocket);
  const given = Object.entries(options).filter(([name, value]) => name in DEFAULTS && value !== undefined);
  return {
    ...DEFAULTS,
    ...(Object.fromEntries(given) as Partial<Durations>),
    base: href.replace(/^ws/, 'http').replace(/\/*([?#].*)?$/, ''),
    user,
    token,
    resume,
    getToken,
    transports: [first, ...rest],
    WebSocket,
    // Called as a method of an object a browser's fetch throws.
    fetch: options.fetch ?? ((...args) => fetch(...args)),
    outbox,
  };
}
