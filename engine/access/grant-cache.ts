import { hash } from 'node:crypto';
import type { Clock } from '../ports.js';
import type { Grant } from './grant.js';

/** Grants that are kept; with more, the oldest are forgotten, and their tokens are verified again. About 10 MB. */
const KEPT = 20_000;

/** After so long a token is verified again, ms: its key may have been taken out meanwhile. */
const KEPT_MS = 600_000;

/** Tokens that are found without their hash. A power of two. */
const RECENT = 64;

interface Kept {
  readonly grant: Grant;
  readonly until: number;
}

/**
 * Grants of tokens that were verified. Tokens are kept by their hash, so that a dump of the memory does not hold all that are
 * valid. A hash takes 0.8 µs, 4 % of a post over HTTP, so the few that were used last are found as they are: the buffers of
 * requests hold those anyway.
 */
export class GrantCache {
  private readonly grants = new Map<string, Kept>();
  private readonly recent: { readonly token: string; readonly kept: Kept }[] = [];

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  get(token: string): Grant | null {
    const place = placeOf(token);
    const recent = this.recent[place];
    if (recent !== undefined && recent.token === token) return this.valid(recent.kept);
    const kept = this.grants.get(keyOf(token));
    if (kept === undefined) return null;
    this.recent[place] = { token, kept };
    return this.valid(kept);
  }

  add(token: string, grant: Grant): void {
    if (this.grants.size >= KEPT) {
      const [oldest] = this.grants.keys();
      if (oldest !== undefined) this.grants.delete(oldest);
    }
    const until = Math.min(grant.endsAt, this.clock.now() + KEPT_MS);
    const kept = { grant, until };
    this.grants.set(keyOf(token), kept);
    this.recent[placeOf(token)] = { token, kept };
  }

  clear(): void {
    this.grants.clear();
    this.recent.length = 0;
  }

  private valid({ grant, until }: Kept): Grant | null {
    return until > this.clock.now() ? grant : null;
  }
}

function keyOf(token: string): string {
  return hash('sha256', token, 'base64');
}

/** By characters of the signature, which are as good as random; the very last holds fewer bits than the others. */
function placeOf(token: string): number {
  const { length } = token;
  return (token.charCodeAt(length - 2) ^ (token.charCodeAt(length - 3) << 3)) & (RECENT - 1);
}
