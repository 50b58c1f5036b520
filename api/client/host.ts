import type { ParlorError } from './errors.js';
import type { Http } from './http.js';
import type { Link } from './link.js';
import type { Outbox } from './outbox.js';

/** What a room, and each part of it, needs of its connection. */
export interface RoomHost {
  /** The link if it is open, else null. */
  readonly link: () => Link | null;
  /** Whether posts of an earlier page are known: until then no newer one may overtake them. */
  readonly isReady: () => boolean;
  readonly http: Http;
  readonly outbox: Outbox;
  /** The most missed events that are fetched over HTTP. */
  readonly fillLimit: number;
  /** A post over the link that is not answered within this is sent again, ms. */
  readonly requestTimeoutMs: number;
  /** How long to wait before the n-th repetition, ms. */
  readonly pauseMs: (attempt: number, error: ParlorError) => number;
  readonly user: () => string | null;
  /** The name to post under over HTTP; undefined: it is in the token. */
  readonly postsAs: () => string | undefined;
  /** Calls back when the connection is closed; returns what ends that. */
  readonly onClose: (listener: (error: ParlorError | null) => void) => () => void;
}
