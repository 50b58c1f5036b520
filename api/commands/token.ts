import { SignJWT } from 'jose';
import type { Verifier } from '../../engine/ports.js';
import { RIGHTS, type Grant, type Right } from '../../engine/access/grant.js';
import type { Config } from '../config.js';

export interface TokenWish {
  readonly user: string;
  /** Empty: everything in all rooms. */
  readonly rooms: readonly { readonly room: string; readonly may: readonly Right[] }[];
  readonly isService: boolean;
  /** How long it is good, s. */
  readonly forS: number;
}

/** A token that a server with these settings accepts. `nowMs`: since 1970. Only where `makeFault` is null. */
export function makeToken(wish: TokenWish, config: Config, nowMs: number): Promise<string> {
  const { user, rooms, isService, forS } = wish;
  const now = Math.floor(nowMs / 1_000);
  const everything = [{ room: '*', may: RIGHTS }];
  const claims = {
    ...{ sub: user, iat: now, exp: now + forS },
    ...(isService ? { scope: 'service' } : { rooms: rooms.length > 0 ? rooms : everything }),
    ...(config.JWT_ISSUER === '' ? {} : { iss: config.JWT_ISSUER }),
    ...(config.JWT_AUDIENCE === '' ? {} : { aud: config.JWT_AUDIENCE }),
  };
  return new SignJWT({ ...claims, jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(config.JWT_SECRET));
}

/** Why no token can be made with these settings; null: one can. */
export function makeFault({ JWT_ALG }: Pick<Config, 'JWT_ALG'>): string | null {
  return JWT_ALG === 'HS256'
    ? null
    : `with JWT_ALG=${JWT_ALG} the issuer makes the tokens: only it has the key`;
}

/** What a server says of a token, in words. */
export async function checkToken(
  token: string,
  verifier: Verifier,
): Promise<{ readonly isGood: boolean; readonly text: string }> {
  const grant = await verifier.verify(token.trim());
  return 'code' in grant ? { isGood: false, text: grant.message } : { isGood: true, text: inWords(grant) };
}

function inWords({ user, endsAt, isService, rooms }: Grant): string {
  const rights = isService
    ? ['may do everything, as any user']
    : rooms.map(({ room, may }) => `in rooms ${room} may ${[...may].join(', ')}`);
  const who = `${user ?? 'anybody'}, until ${new Date(endsAt).toISOString()}`;
  return [who, ...(rights.length > 0 ? rights : ['may do nothing in any room'])].join('\n');
}
