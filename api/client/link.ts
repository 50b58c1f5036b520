import type { ParlorError } from './errors.js';
import type { ClientFrame, RoomFrame } from './wire.js';

/** Who we are on a link. */
export interface Identity {
  /** null: whoever the token is for, or a guest. */
  readonly user: string | null;
  readonly token: string | null;
  /** A guest's secret. */
  readonly resume: string | null;
}

/** How an address tells it. The token goes elsewhere, where it is not logged. */
export function queryOf({ user, resume }: Identity): URLSearchParams {
  const query = new URLSearchParams();
  if (resume !== null) query.set('resume', resume);
  else if (user !== null) query.set('user', user);
  return query;
}

/** What a link says. After `ended`, and after `Link.close`, nothing. */
export interface LinkEvents {
  /** It works, and rooms can be subscribed. `user` is null while a guest's name is not known. */
  readonly opened: (user: string | null, resume: string | null) => void;
  readonly frame: (frame: RoomFrame) => void;
  /** Something has come, if only a sign of life. */
  readonly heard: () => void;
  readonly ended: (error: ParlorError) => void;
}

/** One attempt to talk to the server, over whatever transport. */
export interface Link {
  /** Whether posts go this way; otherwise they go over HTTP. */
  readonly carriesPosts: boolean;
  /** Only after `opened`. */
  readonly send: (frame: ClientFrame) => void;
  /** Makes the server say something, so that `heard` is called if the link lives. `afterSleep`: it may have died unseen. */
  readonly probe: (afterSleep: boolean) => void;
  readonly close: () => void;
}
