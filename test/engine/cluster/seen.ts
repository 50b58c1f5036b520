import type { Client } from '../../support/engine.js';
import type { Peer } from './parts.js';

/** A connection, and what its client was told. */
export interface Seen {
  readonly client: Client;
  readonly endpoint: Peer;
  readonly room: string;
  readonly user: string;
  readonly since: number | null;
  /** When it was opened, and when it had its welcome, counted over all that happens to connections. */
  readonly openedAs: number;
  welcomedAs: number;
  /** The head its welcome told, or null before it. */
  welcomedAt: number | null;
  /** seq of the last event it knows of. */
  last: number;
  roster: Set<string>;
  /** Its node was cut off, and it has not been told of all members since. */
  inDoubt: boolean;
  /** Its node was away for so long that the seat may be somebody else's. */
  forfeit: boolean;
}
