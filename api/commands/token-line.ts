import { RIGHTS, type Right } from '../../engine/access/grant.js';
import { isPattern } from '../../engine/access/pattern.js';
import { nameOf, userFault } from '../../engine/text/names.js';
import type { TokenWish } from './token.js';

export type TokenCommand =
  | { readonly command: 'token-make'; readonly wish: TokenWish }
  /** null: from standard input. */
  | { readonly command: 'token-check'; readonly token: string | null };

export const TOKEN_OPTIONS = {
  user: { type: 'string' },
  room: { type: 'string', multiple: true },
  may: { type: 'string', multiple: true },
  service: { type: 'boolean' },
  for: { type: 'string' },
} as const;

interface Given {
  readonly user?: string | undefined;
  readonly room?: string[] | undefined;
  readonly may?: string[] | undefined;
  readonly service?: boolean | undefined;
  readonly for?: string | undefined;
}

/** The command after `parlor token`, or what is wrong. */
export function parseToken(
  [what, ...more]: readonly string[],
  given: Given,
): TokenCommand | { readonly fault: string } {
  if (what === 'check')
    return more.length > 1
      ? { fault: 'token check takes one token' }
      : { command: 'token-check', token: more[0] ?? null };
  if (what !== 'make' || more.length > 0) return { fault: 'say token make or token check' };
  const { room: rooms = [], may = [], service = false, for: seconds = '3600' } = given;
  const user = nameOf(given.user ?? '');
  const fault = userFault(user);
  if (fault !== null) return { fault: `--user: ${fault}` };
  if (!/^[1-9]\d{0,8}$/.test(seconds)) return { fault: '--for is a number of seconds' };
  if (rooms.length !== may.length) return { fault: 'each --room has its --may' };
  if (!rooms.every(isPattern)) return { fault: '--room is a room id, in which * stands for any characters' };
  const rights = may.map((list) => list.split(','));
  if (!rights.flat().every((one) => RIGHTS.some((right) => right === one)))
    return { fault: `--may is a list of ${RIGHTS.join(',')}` };
  const wishes = rooms.map((room, at) => ({ room, may: (rights[at] ?? []) as Right[] }));
  return { command: 'token-make', wish: { user, rooms: wishes, isService: service, forS: Number(seconds) } };
}
