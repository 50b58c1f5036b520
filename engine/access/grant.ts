import type { Refusal } from '../errors.js';
import { matches } from './pattern.js';

/**
 * What a token may allow in a room. `join`: connect to it, and be sent what happens there; `post`: post and show typing;
 * `read`: its history and state over HTTP; `kick`: remove members; `open`: open it and change its policy; `close`: close
 * it, and forget its history.
 */
export const RIGHTS = ['join', 'post', 'read', 'kick', 'open', 'close'] as const;
export type Right = (typeof RIGHTS)[number];

/** What may be done in the rooms whose id fits a pattern. */
export interface RoomRights {
  /** A room id, in which `*` stands for any characters, also none. */
  readonly room: string;
  readonly may: ReadonlySet<Right>;
}

/** Who somebody is, and what they may do. */
export interface Grant {
  /** By the rule for names; null: anybody, whose name is what they say. */
  readonly user: string | null;
  /** May do everything, in every room and as any user. */
  readonly isService: boolean;
  readonly rooms: readonly RoomRights[];
  /** When it ends; ms since 1970, or Infinity. */
  readonly endsAt: number;
  /** Of the token, so that it can be revoked: its `jti`, or null. */
  readonly tokenId: string | null;
  /** When the token was issued; ms since 1970, or null where it does not say. */
  readonly issuedAt: number | null;
}

/** Without authentication, anybody may do everything. */
export const ANYBODY: Grant = {
  ...{ user: null, isService: true, rooms: [], endsAt: Infinity, tokenId: null, issuedAt: null },
};

/** Of whoever has shown no token where one is required. */
export const NOBODY: Grant = { ...ANYBODY, isService: false };

/** Whether a grant allows this in a room: the one place where rights are decided, whichever door the request came through. */
export function may(grant: Grant, right: Right, roomId: string): boolean {
  if (grant.isService) return true;
  return grant.rooms.some(({ room, may }) => may.has(right) && matches(room, roomId));
}

/** Why a grant does not allow this in a room; null: it does. */
export function rightFault(grant: Grant, right: Right, roomId: string): Refusal | null {
  if (may(grant, right, roomId)) return null;
  return { code: 'forbidden', message: noRight(right, roomId) };
}

export function noRight(right: Right, roomId: string): string {
  return `your token does not have the right "${right}" in room ${roomId}`;
}

/** What is for services only, such as the log of all rooms; null: the grant is a service's. */
export function serviceFault(grant: Grant): Refusal | null {
  return grant.isService
    ? null
    : { code: 'forbidden', message: 'this is for tokens with the scope "service"' };
}

const ANOTHER_USER: Refusal = {
  code: 'forbidden',
  message: 'user is not the one of your token: leave it out, or use a token with the scope "service"',
};

/**
 * Who acts: `said` is the user that the request names, or undefined. A service may act as any user, also as none (null).
 */
export function actingUser(
  grant: Grant,
  said: string | undefined,
): { readonly user: string | null } | Refusal {
  if (grant.isService || grant.user === null) return { user: said ?? null };
  return said === undefined || said === grant.user ? { user: grant.user } : ANOTHER_USER;
}
