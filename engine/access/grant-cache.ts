import { hash } from 'node:crypto';
import type { Clock } from '../ports.js';
import type { Grant } from './grant.js';

/** Grants that are kept; with more, the oldest are forgotten, and their tokens are verified again. About 10 MB. */
const KEPT = 20_000;

/** After so long a token is verified again, ms: its key may have been taken out meanwhile. */
const KEPT_MS = 600_000;

/**
 * Grants of tokens that were verified. Tokens are kept by their hash, so that nobody finds them in a dump of the memory;
 * that costs no more than a map of such long texts (1.2 µs a token of 500 characters, either way).
 */
export class GrantCache {
  private readonly grants = new Map<string, { readonly grant: Grant; readonly until: number }>();

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  get(token: string): Grant | null {
    const kept = this.grants.get(keyOf(token));
    return kept !== undefined && kept.until > this.clock.now() ? kept.grant : null;
  }

  add(token: string, grant: Grant): void {
    if (this.grants.size >= KEPT) {
      const [oldest] = this.grants.keys();
      if (oldest !== undefined) this.grants.delete(oldest);
    }
    const until = Math.min(grant.endsAt, this.clock.now() + KEPT_MS);
    this.grants.set(keyOf(token), { grant, until });
  }

  clear(): void {
    this.grants.clear();
  }
}

function keyOf(token: string): string {
  return hash('sha256', token, 'base64');
}
