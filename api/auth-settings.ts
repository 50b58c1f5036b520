import { isIP } from 'node:net';
import type { JwtSettings } from '../adapters/jwt/verifier.js';

/** The settings of authentication, by their names; what each is stands in config.ts. */
interface AuthSettings {
  readonly AUTH: 'off' | 'jwt';
  readonly AUTH_OFF_I_KNOW: number;
  readonly HOST: string;
  readonly JWT_ALG: JwtSettings['algorithm'];
  readonly JWT_SECRET: string;
  readonly JWT_PUBLIC_KEY_FILE: string;
  readonly JWT_JWKS_URL: string;
  readonly JWT_ISSUER: string;
  readonly JWT_AUDIENCE: string;
  readonly JWT_LEEWAY_S: number;
}

/** RFC 7518 section 3.2: at least as many bits as the hash has. */
const SECRET_BYTES = 32;

/** Why these settings would let in whom they should not, or nobody, in one line that says what to set; null: they would not. */
export function authFault(settings: AuthSettings): string | null {
  return authFaults(settings)[0] ?? null;
}

/** All of that, a line each. */
export function authFaults(settings: AuthSettings): readonly string[] {
  const { AUTH, AUTH_OFF_I_KNOW, HOST, JWT_ALG } = settings;
  if (AUTH === 'jwt') return JWT_ALG === 'HS256' ? secretFaults(settings) : publicKeyFaults(settings);
  if (AUTH_OFF_I_KNOW === 1 || isLoopback(HOST)) return [];
  return [
    `with AUTH=off everybody who reaches HOST=${HOST} may do everything: set AUTH=jwt, or HOST=127.0.0.1, or AUTH_OFF_I_KNOW=1 if that is meant`,
  ];
}

function secretFaults({ JWT_SECRET, JWT_PUBLIC_KEY_FILE, JWT_JWKS_URL }: AuthSettings): readonly string[] {
  const faults: string[] = [];
  if (JWT_PUBLIC_KEY_FILE !== '' || JWT_JWKS_URL !== '')
    faults.push(
      'JWT_ALG=HS256 has a secret and no public keys: unset JWT_PUBLIC_KEY_FILE and JWT_JWKS_URL, or set JWT_ALG',
    );
  if (isShortSecret(JWT_SECRET))
    faults.push(
      `JWT_ALG=HS256 needs JWT_SECRET, at least ${SECRET_BYTES} bytes that nobody can guess, such as the output of: openssl rand -base64 48`,
    );
  return faults;
}

function publicKeyFaults(settings: AuthSettings): readonly string[] {
  const { JWT_ALG, JWT_SECRET, JWT_PUBLIC_KEY_FILE, JWT_JWKS_URL } = settings;
  const faults: string[] = [];
  if (JWT_SECRET !== '') faults.push(`JWT_ALG=${JWT_ALG} uses no secret: unset JWT_SECRET`);
  if ((JWT_PUBLIC_KEY_FILE === '') === (JWT_JWKS_URL === ''))
    faults.push(`JWT_ALG=${JWT_ALG} needs one of JWT_PUBLIC_KEY_FILE and JWT_JWKS_URL`);
  if (JWT_JWKS_URL !== '' && !URL.canParse(JWT_JWKS_URL))
    faults.push(
      'JWT_JWKS_URL cannot be read as a URL: set it to an address such as https://id.example/jwks.json',
    );
  return faults;
}

/** Whether a key of HS256 is too short for it, or missing. */
export function isShortSecret(secret: string): boolean {
  return Buffer.byteLength(secret) < SECRET_BYTES;
}

/** Whether only this machine can reach a server that listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

export function jwtSettings(settings: AuthSettings): JwtSettings {
  return {
    algorithm: settings.JWT_ALG,
    secret: settings.JWT_SECRET,
    publicKeyFile: settings.JWT_PUBLIC_KEY_FILE,
    keySetUrl: settings.JWT_JWKS_URL,
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    leewayS: settings.JWT_LEEWAY_S,
  };
}
