import { createHash, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The settings of TLS, by their names. */
interface TlsSettings {
  readonly TLS_CERT: string;
  readonly TLS_KEY: string;
}

/** A certificate and its key, which fit together, in files that can be read. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Of the bytes of both files: equal if nothing has changed. */
  readonly digest: string;
  /** Ms since 1970. */
  readonly expiresAt: number;
}

/** Whether the server speaks TLS itself. */
export function usesTls({ TLS_CERT }: TlsSettings): boolean {
  return TLS_CERT !== '';
}

/**
 * Reads the certificate and its key; null: the settings name none. Throws an Error of one line that names the setting and
 * the file. They are checked here, as uWebSockets.js only says that they do not work.
 */
export function readTlsFiles({ TLS_CERT, TLS_KEY }: TlsSettings): TlsFiles | null {
  if (TLS_CERT === '') return null;
  const cert = read('TLS_CERT', TLS_CERT);
  const key = read('TLS_KEY', TLS_KEY);
  const certificate = certificateIn(cert, TLS_CERT);
  if (!certificate.checkPrivateKey(keyIn(key, TLS_KEY)))
    throw new Error(
      `TLS_KEY=${JSON.stringify(TLS_KEY)} is not the key of the certificate in TLS_CERT=${JSON.stringify(TLS_CERT)}`,
    );
  return {
    certFile: TLS_CERT,
    keyFile: TLS_KEY,
    digest: createHash('sha256').update(cert).update(key).digest('hex'),
    expiresAt: Date.parse(certificate.validTo),
  };
}

/** Why these settings of TLS do not go together, in one line; null: they do. */
export function tlsFault({ TLS_CERT, TLS_KEY }: TlsSettings): string | null {
  if ((TLS_CERT === '') === (TLS_KEY === '')) return null;
  return `TLS needs both files: set ${TLS_CERT === '' ? 'TLS_CERT' : 'TLS_KEY'}, too, or neither`;
}

function read(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new Error(`${name}=${JSON.stringify(path)} cannot be read${code}`, { cause });
  }
}

function certificateIn(bytes: Buffer, path: string): X509Certificate {
  try {
    if (!bytes.includes('-----BEGIN')) throw new Error('not PEM');
    return new X509Certificate(bytes);
  } catch (cause) {
    throw new Error(`TLS_CERT=${JSON.stringify(path)} is no certificate in PEM`, { cause });
  }
}

function keyIn(bytes: Buffer, path: string): KeyObject {
  try {
    return createPrivateKey(bytes);
  } catch (cause) {
    throw new Error(`TLS_KEY=${JSON.stringify(path)} is no private key in PEM without a passphrase`, {
      cause,
    });
  }
}
