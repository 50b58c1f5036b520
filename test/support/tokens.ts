import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SignJWT, type JWTPayload } from 'jose';

/** A secret for HS256. */
export const SECRET = 'a secret of tests, which is long enough for HS256';
export const ISSUER = 'https://id.example';
export const AUDIENCE = 'parlor';

/** Settings of a server that takes tokens made by `token`. */
export const JWT_ENV = {
  AUTH: 'jwt',
  JWT_SECRET: SECRET,
  JWT_ISSUER: ISSUER,
  JWT_AUDIENCE: AUDIENCE,
  JWT_LEEWAY_S: '0',
} as const;

export interface Signing {
  readonly alg: string;
  readonly key: Uint8Array | KeyObject;
  readonly kid?: string;
}

const OURS: Signing = { alg: 'HS256', key: Buffer.from(SECRET) };

/** Seconds since 1970, `s` from now. */
export function inSeconds(s: number): number {
  return Date.now() / 1_000 + s;
}

/** A signed token. Claims that are undefined are left out of it; without others it is good for an hour. */
export function token(
  claims: Readonly<Record<string, unknown>>,
  { alg, key, kid }: Signing = OURS,
): Promise<string> {
  const all: JWTPayload = {
    iss: ISSUER,
    aud: AUDIENCE,
    iat: Math.floor(inSeconds(0)),
    exp: inSeconds(3_600),
    ...claims,
  };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new SignJWT(given).setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) }).sign(key);
}

/** A token that nobody signed. */
export function unsigned(claims: JWTPayload): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ iss: ISSUER, aud: AUDIENCE, exp: inSeconds(3_600), ...claims })}.`;
}

/** Everything in the rooms that fit. */
export const ALL_RIGHTS = ['join', 'post', 'read', 'kick', 'open', 'close'];

export function rsaKeys(): { publicPem: string; key: KeyObject; publicKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  return {
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    key: privateKey,
    publicKey,
  };
}
