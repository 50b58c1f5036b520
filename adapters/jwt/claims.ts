import { Type, type Static } from '@sinclair/typebox';
import { isPattern } from '../../engine/access/pattern.js';
import { RIGHTS, type Grant, type Right, type RoomRights } from '../../engine/access/grant.js';
import { isGuestName } from '../../engine/guests.js';
import { checker, faultLine } from '../../engine/messages/check.js';
import { TokenId } from '../../engine/access/revocation.js';
import { nameOf, userFault } from '../../engine/text/names.js';

/** More rules than this in one token are refused: each request looks through them. */
const RULES_MAX = 100;

/**
 * The end of the year 9999, s since 1970: what is later cannot be written as a time (RFC 3339 section 1). Who puts it into a token
 * most likely means ms, and a token for 50,000 years, or one that no revocation of its user covers, is not what they want.
 */
const LAST_S = 253_402_300_799;
const Seconds = Type.Number({ minimum: 0, maximum: LAST_S });

/**
 * The claims of a token that Parlor reads, besides those of RFC 7519 that the library checks. Others are ignored, as
 * section 4 of the RFC has it.
 */
const Claims = Type.Object({
  sub: Type.String(),
  exp: Seconds,
  iat: Type.Optional(Seconds),
  jti: Type.Optional(TokenId),
  scope: Type.Optional(Type.String()),
  rooms: Type.Optional(
    Type.Array(Type.Object({ room: Type.String(), may: Type.Array(Type.String()) }), { maxItems: RULES_MAX }),
  ),
});
type Claims = Static<typeof Claims>;

const claimFaults = checker(Claims);
/** A service's token has this word in `scope`, which is a list separated by blanks (RFC 8693 section 4.2). */
const SERVICE = 'service';

/** The grant that the claims of a verified token describe, or what is wrong with them. `leewayMs`: see `endOf`. */
export function grantOf(claims: unknown, now: number, leewayMs: number): Grant | { readonly fault: string } {
  const faults = claimFaults(claims);
  if (faults) return { fault: faultLine(faults) };
  const { sub, exp, iat, jti, scope = '', rooms = [] } = claims as Claims;
  const user = nameOf(sub);
  const fault = userFault(user);
  if (fault !== null) return { fault: `sub: ${fault}` };
  if (isGuestName(user)) return { fault: 'sub: is the name of a guest' };
  const rules = rooms.map(rightsOf);
  const wrong = rules.find((rule) => 'fault' in rule);
  if (wrong !== undefined && 'fault' in wrong) return wrong;
  return {
    user,
    isService: scope.split(' ').includes(SERVICE),
    rooms: rules as RoomRights[],
    endsAt: endOf(exp * 1_000, now, leewayMs),
    tokenId: jti ?? null,
    issuedAt: iat === undefined ? null : iat * 1_000,
  };
}

/**
 * When what a token allows is over. The leeway is for clocks that differ: it lets a token in that has expired by this
 * clock. What is let in before ends on time.
 */
function endOf(expiresAt: number, now: number, leewayMs: number): number {
  return expiresAt > now ? expiresAt : expiresAt + leewayMs;
}

function rightsOf({
  room,
  may,
}: {
  room: string;
  may: readonly string[];
}): RoomRights | { readonly fault: string } {
  if (!isPattern(room))
    return { fault: 'rooms: a room is a room id, in which * may stand for any characters' };
  const known = may.filter((one): one is Right => (RIGHTS as readonly string[]).includes(one));
  if (known.length < may.length) return { fault: `rooms: may is a list of ${RIGHTS.join(', ')}` };
  return { room, may: new Set(known) };
}
