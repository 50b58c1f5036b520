import { Type, type Static } from '@sinclair/typebox';
import { Timestamp, UserName } from '../messages/fields.js';
import type { Grant } from './grant.js';

/** The `jti` of a token. */
export const TokenId = Type.String({
  minLength: 1,
  maxLength: 128,
  // No HTTP client can name . and .. in an address (RFC 3986 section 5.2.4), so such a token could not be revoked.
  pattern: '^(?!\\.{1,2}$)[\\x21-\\x7e]+$',
  description: 'the `jti` of a token: visible ASCII, but neither . nor ..',
});

/** What is not valid any more although it has not expired. */
export const Revocation = Type.Object(
  {
    /** One of the two. */
    user: Type.Optional(UserName),
    token_id: Type.Optional(TokenId),
    /** Of a user: tokens that were issued later are valid. */
    revoked_at: Timestamp,
    /** When all those tokens have expired by themselves, and the revocation can be forgotten; left out: never. */
    until: Type.Optional(Timestamp),
  },
  { additionalProperties: false },
);
export type Revocation = Static<typeof Revocation>;

/** The key of a revocation: a second one of the same user or token replaces the first. */
export function revocationKey({ user, token_id }: Pick<Revocation, 'user' | 'token_id'>): string {
  return token_id === undefined ? `user:${user ?? ''}` : `token:${token_id}`;
}

/** Whether it covers a grant. The time of issue is in whole seconds (RFC 7519 section 2), so the second itself is covered. */
export function isRevokedBy(grant: Grant, revocation: Revocation): boolean {
  if (revocation.token_id !== undefined) return grant.tokenId === revocation.token_id;
  if (grant.user === null || grant.user !== revocation.user) return false;
  return (
    grant.issuedAt === null || Math.floor(grant.issuedAt / 1_000) * 1_000 <= Date.parse(revocation.revoked_at)
  );
}
