import { createPublicKey, webcrypto, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { JWTVerifyGetKey } from 'jose';
import type { Clock, Log } from '../../engine/ports.js';
import { createKeySet } from './key-set.js';

/** The algorithms of signatures (RFC 7518 section 3.1, RFC 8037). Which one is used is a setting, never the token's choice. */
export const ALGORITHMS = ['HS256', 'RS256', 'ES256', 'EdDSA'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** RFC 7518 section 3.3. */
const RSA_BITS = 2_048;

/** Where the keys come from: one of the three. */
export interface KeySettings {
  readonly algorithm: Algorithm;
  /** For HS256; '' elsewhere. */
  readonly secret: string;
  /** A file with a public key or a certificate in PEM; ''. */
  readonly publicKeyFile: string;
  /** An address of keys (RFC 7517); ''. */
  readonly keySetUrl: string;
}

export type Keys = KeyObject | JWTVerifyGetKey;

/** The keys that the settings name. Throws an Error of one line that names the setting to change, and nothing of the key. */
export function readKeys(settings: KeySettings, parts: { readonly log: Log; readonly clock: Clock }): Keys {
  const { algorithm, secret, publicKeyFile, keySetUrl } = settings;
  if (algorithm === 'HS256') return keyOfSecret(secret);
  if (keySetUrl !== '') return createKeySet(new URL(keySetUrl), parts);
  return readPublicKey(publicKeyFile, algorithm);
}

/** Imported once. jose imports a secret that comes as a `KeyObject` for each token, which doubles what a token costs. */
function keyOfSecret(secret: string): JWTVerifyGetKey {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const key = webcrypto.subtle.importKey('raw', Buffer.from(secret, 'utf8'), hmac, false, ['verify']);
  return () => key;
}

function readPublicKey(path: string, algorithm: Algorithm): KeyObject {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch {
    throw new Error(`JWT_PUBLIC_KEY_FILE=${JSON.stringify(path)} cannot be read`);
  }
  // `createPublicKey` would also take a private key, which has no place on this server.
  if (pem.includes('PRIVATE KEY'))
    throw new Error(`JWT_PUBLIC_KEY_FILE=${JSON.stringify(path)} is a private key: put the public one here`);
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new Error(`JWT_PUBLIC_KEY_FILE=${JSON.stringify(path)} is no public key in PEM`);
  }
  if (!fits(key, algorithm))
    throw new Error(`JWT_PUBLIC_KEY_FILE=${JSON.stringify(path)} is no key for JWT_ALG=${algorithm}`);
  return key;
}

function fits({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject, algorithm: Algorithm): boolean {
  switch (algorithm) {
    case 'HS256':
      return false;
    case 'RS256':
      return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_BITS;
    case 'ES256':
      return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1';
    case 'EdDSA':
      return asymmetricKeyType === 'ed25519';
  }
}
