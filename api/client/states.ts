import type { ParlorError } from './errors.js';
import type { Link } from './link.js';
import type { Status } from './types.js';

export type Via = 'websocket' | 'sse';

/** What a connection does. */
export type State =
  /** Nothing: it was not opened yet, was closed, or is over for good because of `error`. */
  | { readonly name: 'closed'; readonly error: ParlorError | null }
  /** Asks for a token, where there is somebody to ask. */
  | { readonly name: 'authorizing' }
  /** Tries the first of these transports. */
  | { readonly name: 'opening'; readonly via: readonly [Via, ...Via[]]; readonly token: string | null }
  | { readonly name: 'open'; readonly via: Via; readonly link: Link; readonly token: string | null }
  /** Pauses before the next attempt. `isAsked`: the server said not to come sooner, so nothing hurries it. */
  | { readonly name: 'waiting'; readonly ms: number; readonly isAsked: boolean; readonly error: ParlorError };

export type Event =
  | { readonly type: 'open' | 'close' | 'due' | 'wake' }
  | { readonly type: 'token'; readonly token: string | null }
  | { readonly type: 'denied'; readonly error: ParlorError }
  | { readonly type: 'opened'; readonly link: Link }
  | { readonly type: 'ended'; readonly error: ParlorError };

/** The status that users see. `wasConnected`: since it was opened; `isLong`: there has been no connection for a while. */
export function statusOf(
  state: State['name'],
  { wasConnected, isLong }: { readonly wasConnected: boolean; readonly isLong: boolean },
): Status {
  if (state === 'closed') return 'closed';
  if (state === 'open') return 'connected';
  if (isLong) return 'lost';
  return wasConnected ? 'reconnecting' : 'connecting';
}
